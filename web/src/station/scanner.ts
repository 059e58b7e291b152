/** A hardware scanner is a keyboard that types fast and ends with Enter. Its text is caught wherever the page stands. */

const SLOWEST = 1_500; // ms between two letters: a busy phone may stall, and a lost scan is worse than a stray key
const LEAST = 3;

function letterOf(event: KeyboardEvent): string {
  if (event.key.length === 1) return event.key;
  // An input method in Chinese mode hides the letter; the key itself still says which it was.
  const key = /^(?:Key|Digit|Numpad)([A-Z0-9])$/u.exec(event.code);
  return key?.[1] ?? '';
}

function inField(event: KeyboardEvent): boolean {
  return event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
}

/** Calls `heard` with each scanned text; returns how to stop. */
export function listen(heard: (text: string) => void): () => void {
  let typed = '';
  let last = 0;
  const onKey = (event: KeyboardEvent): void => {
    if (inField(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.timeStamp - last > SLOWEST) typed = '';
    last = event.timeStamp;
    if (event.key === 'Enter' || event.key === 'Tab') {
      if (typed.length < LEAST) return;
      event.preventDefault(); // or it would press the button that has the focus
      event.stopPropagation();
      heard(typed);
      typed = '';
      return;
    }
    typed += letterOf(event);
  };
  addEventListener('keydown', onKey, true);
  return () => { removeEventListener('keydown', onKey, true); };
}

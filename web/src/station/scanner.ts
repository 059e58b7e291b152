/** A hardware scanner is a keyboard that types fast and ends with Enter. Its text is caught wherever the page stands. */

/** What was typed; `torn` where a pause lies in it: a stray key before it, or a phone that stood still in the middle. */
export type Typed = Readonly<{ text: string; torn: boolean }>;

const SLOWEST = 1_500; // ms between two letters of one scan
const FORGOTTEN = 15_000; // ms: no phone stands still so long, what was typed before is nobody's scan
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

/**
 * Calls `heard` with each scanned text; returns how to stop. Nothing is dropped at a pause: whether a torn text is a scan
 * is for whoever knows what a scan is, and a lost one is worse than one that is asked for again.
 */
export function listen(heard: (typed: Typed) => void): () => void {
  let text = '';
  let torn = false;
  let last = 0;
  const onKey = (event: KeyboardEvent): void => {
    if (inField(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const pause = event.timeStamp - last;
    last = event.timeStamp;
    if (pause > FORGOTTEN) [text, torn] = ['', false];
    else if (pause > SLOWEST && text !== '') torn = true;
    if (event.key === 'Enter' || event.key === 'Tab') {
      const typed = { text, torn };
      [text, torn] = ['', false];
      if (typed.text.length < LEAST) return;
      event.preventDefault(); // or it would press the button that has the focus
      event.stopPropagation();
      heard(typed);
      return;
    }
    text += letterOf(event);
  };
  addEventListener('keydown', onKey, true);
  return () => { removeEventListener('keydown', onKey, true); };
}

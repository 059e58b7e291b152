/** What a keyboard, an input method or a scanner does to a code is undone before it is read. Twin of `population.rules.fold`. */

const INVISIBLE = /[\u200B-\u200F\u2060\uFEFF\u00AD]/gu;
const SPACES = /[\u00A0\u2002\u2003\u2009\u202F\u3000\t\n\r]/gu;
const DASHES = /[\u2010\u2013\u2014]/gu;

/** Full-width letters, digits and spaces to half width; zero-width marks away; ends trimmed. For codes, never for names. */
export function fold(text: string): string {
  return text
    .replace(INVISIBLE, '')
    .replace(SPACES, ' ')
    .replace(DASHES, '-')
    .replace(/[\uFF01-\uFF5E]/gu, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
    .trim();
}

/** A name as a screen shows it: the first character, and the last of three or more. */
export function maskedName(name: string): string {
  const letters = Array.from(name.trim());
  if (letters.length <= 1) return '*'.repeat(letters.length);
  const last = letters.length > 2 ? (letters.at(-1) ?? '') : '';
  return `${letters[0] ?? ''}${'*'.repeat(Math.max(1, letters.length - 2))}${last}`;
}

/** A number as a screen shows it: its last four characters. */
export function maskedNumber(number: string): string {
  return `…${number.slice(-4)}`;
}

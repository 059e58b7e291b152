import { fold } from './text';

/** GB 11643-1999: 17 digits and a check character; weights and check characters as the standard lists them. */
const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS = '10X98765432';
const EARLIEST_BIRTH = '1870-01-01';

export type IdProblem =
  | 'missing' | 'excel_rounded' | 'fifteen_digits' | 'length' | 'characters' | 'birth_date' | 'future_birth' | 'check_digit';

export type IdFacts = Readonly<{
  number: string;
  problem: IdProblem | '';
  birthDate: string | null;
  sex: 'M' | 'F' | 'U';
}>;

/** An identity number as it is compared: half width, capital letters, no spaces, dashes or quotes. */
export function cleanId(raw: string): string {
  return fold(raw).toUpperCase().replace(/[\s'"`‘’“”·-]/gu, '');
}

/** The check character of a number from its first 17 digits. */
export function idCheckChar(first17: string): string {
  const total = WEIGHTS.reduce((sum, weight, place) => sum + weight * Number(first17[place]), 0);
  return CHECKS[total % 11] ?? '';
}

function looksRounded(number: string): boolean {
  if (/^[0-9](?:\.[0-9]+)?E\+?[0-9]{2}$/u.test(number)) return true;
  return /^[0-9]{15}000$/u.test(number) && idCheckChar(number.slice(0, 17)) !== '0';
}

/** `YYYY-MM-DD` of the eight digits of a birth date, or null where the calendar has no such day. */
function calendarDay(digits: string): string | null {
  const [year, month, day] = [Number(digits.slice(0, 4)), Number(digits.slice(4, 6)), Number(digits.slice(6, 8))];
  const at = new Date(0);
  at.setUTCFullYear(year, month - 1, day);
  const real = year > 0 && at.getUTCFullYear() === year && at.getUTCMonth() === month - 1 && at.getUTCDate() === day;
  return real ? `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6, 8)}` : null;
}

function problemOf(number: string, on: string): IdProblem | '' {
  if (number === '') return 'missing';
  if (looksRounded(number)) return 'excel_rounded';
  if (/^[0-9]{15}$/u.test(number)) return 'fifteen_digits';
  if (Array.from(number).length !== 18) return 'length';
  if (!/^[0-9]{17}[0-9X]$/u.test(number)) return 'characters';
  const born = calendarDay(number.slice(6, 14));
  if (born === null || born < EARLIEST_BIRTH) return 'birth_date';
  if (born > on) return 'future_birth';
  return idCheckChar(number.slice(0, 17)) === number[17] ? '' : 'check_digit';
}

/** Checks a citizen's number as of day `on` (`YYYY-MM-DD`). Problems come in the order a person would repair them. */
export function residentId(raw: string, on: string): IdFacts {
  const number = cleanId(raw);
  const problem = problemOf(number, on);
  if (problem !== '') return { number, problem, birthDate: null, sex: 'U' };
  return { number, problem, birthDate: calendarDay(number.slice(6, 14)), sex: Number(number[16]) % 2 === 1 ? 'M' : 'F' };
}

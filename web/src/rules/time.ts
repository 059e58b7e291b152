/** Showing instants and intervals. The server speaks ISO 8601 with an offset; people read local time. */

/** All of China keeps one civil time, so a county's screens show it wherever the browser thinks it is. */
export const CIVIL_ZONE = 'Asia/Shanghai';

export type Stamp = Readonly<{ date: string; monthDay: string; time: string; weekday: string }>;

const STAMP: Record<keyof Stamp, Intl.DateTimeFormatOptions> = {
  date: { year: 'numeric', month: 'short', day: 'numeric' },
  monthDay: { month: 'short', day: 'numeric' },
  time: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  weekday: { weekday: 'short' },
};
const DAY: Intl.DateTimeFormatOptions = { dateStyle: 'short' };

/** Making a formatter costs a hundred times what using it does: a list of a thousand rows makes each once. */
const made = new Map<string, Intl.DateTimeFormat>();

function formatter(name: string, language: string, zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${name} ${language} ${zone}`;
  const known = made.get(key) ?? new Intl.DateTimeFormat(language, { timeZone: zone, ...options });
  made.set(key, known);
  return known;
}

/** Splits an instant into date, `HH:MM` and weekday in civil time; `null` for text that is no instant. */
export function stamp(iso: string, language: string, zone: string = CIVIL_ZONE): Stamp | null {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return null;
  const part = (name: keyof Stamp): string => formatter(name, language, zone, STAMP[name]).format(at);
  return { date: part('date'), monthDay: part('monthDay'), time: part('time'), weekday: part('weekday') };
}

/** `YYYY-MM-DD` in civil time: groups a timeline's steps by day. */
export function dayOf(iso: string, zone: string = CIVIL_ZONE): string {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return '';
  return formatter('day', 'sv-SE', zone, DAY).format(at);
}

export type Span = Readonly<{ days: number; hours: number; minutes: number; seconds: number }>;

/** Whole days, hours, minutes and seconds in a length of milliseconds (its sign is dropped). */
export function spanOf(milliseconds: number): Span {
  const total = Math.floor(Math.abs(milliseconds) / 1000);
  return {
    days: Math.floor(total / 86_400),
    hours: Math.floor((total % 86_400) / 3600),
    minutes: Math.floor((total % 3600) / 60),
    seconds: total % 60,
  };
}

const HOUR = 3_600_000;
/** China keeps no summer time: its civil clock is eight hours ahead of UTC all year (IANA Asia/Shanghai since 1991). */
const AHEAD = 8;

/** An instant as a field for date and time writes it, in civil time: `2022-03-15T07:00`. */
export function fieldOf(at: number): string {
  return new Date(at + AHEAD * HOUR).toISOString().slice(0, 16);
}

/** The instant of such a field, with its offset; `null` while it is not filled in. */
export function instantOf(field: string): string | null {
  const iso = `${field}:00+08:00`;
  return Number.isNaN(Date.parse(iso)) ? null : iso;
}

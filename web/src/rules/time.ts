/** Showing instants and intervals. The server speaks ISO 8601 with an offset; people read local time. */

/** All of China keeps one civil time, so a county's screens show it wherever the browser thinks it is. */
export const CIVIL_ZONE = 'Asia/Shanghai';

export type Stamp = Readonly<{ date: string; monthDay: string; time: string; weekday: string }>;

/** Splits an instant into date, `HH:MM` and weekday in civil time; `null` for text that is no instant. */
export function stamp(iso: string, language: string, zone: string = CIVIL_ZONE): Stamp | null {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return null;
  const part = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat(language, { timeZone: zone, ...options }).format(at);
  return {
    date: part({ year: 'numeric', month: 'short', day: 'numeric' }),
    monthDay: part({ month: 'short', day: 'numeric' }),
    time: part({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }),
    weekday: part({ weekday: 'short' }),
  };
}

/** `YYYY-MM-DD` in civil time: groups a timeline's steps by day. */
export function dayOf(iso: string, zone: string = CIVIL_ZONE): string {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return '';
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' }).format(at);
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

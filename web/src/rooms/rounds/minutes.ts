import { useI18n } from 'vue-i18n';

import type { Outcome } from '@/api/plans';
import { clockOf } from '@/rules/minute';

/** Low, middle, high: nine times in ten it lies between the first and the last. */
export type Spread = readonly number[];
/** The moments a day is told by, with their names. */
export const TIMES = { last_swab: 'rehearsal.last_swab', last_delivery: 'rehearsal.last_delivery', last_result: 'rehearsal.last_result' } as const;
const BREACHES = ['queue_breaches', 'to_lab_breaches', 'on_machine_breaches', 'result_breaches', 'recheck_breaches', 'single_breaches'];

export const middle = (spread: Spread | undefined): number | null => spread?.[1] ?? null;
/** Between how many minutes earlier or later than on the very same days as planned; empty where it is the same. */
export function shift(change: Spread | undefined): string {
  if (change === undefined || change.every((minutes) => Math.round(minutes) === 0)) return '';
  const signed = (minutes: number): string => `${minutes < 0 ? '−' : '+'}${Math.abs(Math.round(minutes))}`;
  const [low, high] = [signed(change[0] ?? 0), signed(change[2] ?? 0)];
  return low === high ? ` (${low})` : ` (${low}…${high})`;
}
export const broken = (row: Outcome): number => Math.round(BREACHES.reduce((sum, name) => sum + (middle(row.figures[name]) ?? 0), 0));

/** Minutes of a rehearsed day in words. */
export function useMinutes(): Readonly<{
  clock: (minute: number | null) => string;
  range: (spread: Spread | undefined) => string;
  strip: (figures: Readonly<Record<string, Spread>>) => { name: keyof typeof TIMES; title: string; value: string; range: string }[];
}> {
  const { t } = useI18n();
  function clock(minute: number | null): string {
    if (minute === null) return '—';
    const { time, later } = clockOf(minute);
    return later === 0 ? time : t('rehearsal.later', { time, days: later }, later);
  }
  const range = (spread: Spread | undefined): string => `${clock(spread?.[0] ?? null)}–${clock(spread?.[2] ?? null)}`;
  const names = Object.keys(TIMES) as (keyof typeof TIMES)[];
  return {
    clock,
    range,
    strip: (figures) => names.filter((name) => figures[name] !== undefined).map((name) => ({
      name, title: t(TIMES[name]), value: clock(middle(figures[name])), range: range(figures[name]),
    })),
  };
}

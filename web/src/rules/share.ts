/** Shares of a whole. Nothing is rounded up to "all": 7,408 of 7,409 must never read as 100 %. */

/** `part / whole` in `[0, 1]`, `null` where the whole is empty (no share is no zero). */
export function shareOf(part: number, whole: number): number | null {
  if (whole <= 0) return null;
  return Math.min(1, Math.max(0, part / whole));
}

/** Percent with one decimal, cut (never rounded) downwards, so only the complete whole reads 100 %. */
export function percentText(share: number | null): string {
  if (share === null) return '—';
  const tenths = Math.floor(share * 1000 + 1e-9);
  return `${String(Math.floor(tenths / 10))}.${String(tenths % 10)}%`;
}

export type Slice<K extends string> = Readonly<{ key: K; count: number; width: number }>;

/** Widths (percent, summing to 100) for a strip of counts; a slice that holds anything stays visible. */
export function sliceWidths<K extends string>(
  counts: readonly Readonly<{ key: K; count: number }>[],
  least = 1.5,
): Slice<K>[] {
  const present = counts.filter((slice) => slice.count > 0);
  const total = present.reduce((sum, slice) => sum + slice.count, 0);
  if (total === 0) return [];
  const raised = present.map((slice) => Math.max(least, (slice.count / total) * 100));
  const sum = raised.reduce((a, b) => a + b, 0);
  return present.map((slice, index) => ({
    key: slice.key,
    count: slice.count,
    width: ((raised[index] ?? 0) / sum) * 100,
  }));
}

/** A small share in percent with two digits that say something: 0.02%, 1.3%. */
export function smallPercent(share: number): string {
  return `${String(Number((share * 100).toPrecision(2)))}%`;
}

/** An expected number of people, with as many decimals as say something. */
export function expectedText(people: number, whole: (value: number) => string): string {
  if (people === 0) return '0';
  if (people < 1) return people.toFixed(2);
  return people < 10 ? people.toFixed(1) : whole(Math.round(people));
}

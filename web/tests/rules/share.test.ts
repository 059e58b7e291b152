import { describe, expect, it } from 'vitest';

import { percentText, shareOf, sliceWidths } from '@/rules/share';

describe('percentText', () => {
  it('never calls all but one everyone', () => {
    expect(percentText(shareOf(7408, 7409))).toBe('99.9%');
    expect(percentText(shareOf(328_999, 329_000))).toBe('99.9%');
    expect(percentText(shareOf(7409, 7409))).toBe('100.0%');
  });
  it('does not lose a tenth to binary fractions', () => {
    for (let tenths = 0; tenths <= 1000; tenths += 1) {
      expect(percentText(shareOf(tenths, 1000))).toBe(`${String(Math.floor(tenths / 10))}.${String(tenths % 10)}%`);
    }
  });
  it('has no share of nothing', () => {
    expect(percentText(shareOf(0, 0))).toBe('—');
  });
  it('does not pass the whole', () => {
    expect(shareOf(12, 10)).toBe(1);
  });
});

describe('sliceWidths', () => {
  it('fills the strip and keeps a single tube among thousands visible', () => {
    const slices = sliceWidths([
      { key: 'released', count: 5000 },
      { key: 'open', count: 0 },
      { key: 'missing', count: 1 },
    ]);
    expect(slices.map((slice) => slice.key)).toEqual(['released', 'missing']);
    expect(slices[1]!.width).toBeGreaterThan(1);
    expect(slices.reduce((sum, slice) => sum + slice.width, 0)).toBeCloseTo(100);
  });
  it('draws nothing of nothing', () => {
    expect(sliceWidths([{ key: 'open', count: 0 }])).toEqual([]);
  });
});

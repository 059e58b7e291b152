import { describe, expect, it } from 'vitest';

import { frameOf, metresBetween, onGround, onSheet, type Place, shifted, written } from '@/rules/flat-map';

const PLACES: readonly Place[] = [[106.1, 38.1], [106.4, 38.3], [106.2, 38.45]];
const WHOLE = { zoom: 1, middle: null };

describe('a county on a sheet', () => {
  const frame = frameOf(PLACES, 1000, 640);

  it('shows every place inside its edge, north up and east right', () => {
    const spots = PLACES.map((place) => onSheet(frame, WHOLE, place));
    for (const [x, y] of spots) {
      expect(x).toBeGreaterThan(30);
      expect(x).toBeLessThan(970);
      expect(y).toBeGreaterThan(30);
      expect(y).toBeLessThan(610);
    }
    expect(spots[1]![0]).toBeGreaterThan(spots[0]![0]);
    expect(spots[2]![1]).toBeLessThan(spots[0]![1]);
  });

  it('finds the place again under any spot, at any zoom', () => {
    for (const view of [WHOLE, { zoom: 7, middle: PLACES[1]! }]) {
      for (const place of PLACES) {
        const [lon, lat] = onGround(frame, view, onSheet(frame, view, place));
        expect(lon).toBeCloseTo(place[0], 9);
        expect(lat).toBeCloseTo(place[1], 9);
      }
    }
  });

  it('is not upset by one place, or none', () => {
    expect(onSheet(frameOf([PLACES[0]!], 1000, 640), WHOLE, PLACES[0]!)).toEqual([500, 320]);
    expect(frameOf([], 1000, 640).scale).toBe(1);
  });
});

describe('a move', () => {
  it('is as long as it was asked for, in every direction', () => {
    expect(metresBetween(PLACES[0]!, shifted(PLACES[0]!, 100, 0))).toBeCloseTo(100, 3);
    expect(metresBetween(PLACES[0]!, shifted(PLACES[0]!, -30, 40))).toBeCloseTo(50, 2);
  });

  it('is written to a tenth of a metre', () => {
    const moved = shifted(PLACES[0]!, 12.345, -6.789);
    expect(metresBetween(moved, written(moved))).toBeLessThan(0.1);
    expect(String(written(moved)[0]).length).toBeLessThanOrEqual(10);
  });
});

import { describe, expect, it } from 'vitest';

import { clockOf } from '@/rules/minute';

describe('a minute of the day', () => {
  it.each([
    [0, '00:00', 0],
    [419.6, '07:00', 0],
    [1439.4, '23:59', 0],
    [1439.6, '00:00', 1],
    [3000, '02:00', 2],
  ])('%f is %s, %i days later', (minute, time, later) => {
    expect(clockOf(minute)).toEqual({ time, later });
  });
});

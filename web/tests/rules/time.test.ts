import { describe, expect, it, vi } from 'vitest';

import { dayOf, spanOf, stamp } from '@/rules/time';

describe('stamp', () => {
  it('shows civil time of China wherever the browser stands', () => {
    expect(stamp('2022-03-14T23:30:00Z', 'zh-CN')).toEqual({
      date: '2022年3月15日',
      monthDay: '3月15日',
      time: '07:30',
      weekday: '周二',
    });
  });
  it('writes midnight as 00:00, not 24:00', () => {
    expect(stamp('2022-03-15T00:00:00+08:00', 'en')?.time).toBe('00:00');
  });
  it('makes each formatter once, and one of its own for each language and zone', () => {
    const making = vi.spyOn(Intl, 'DateTimeFormat');
    const told = ['zh-CN', 'en', 'zh-CN'].map((language) => stamp('2022-03-14T23:30:00Z', language, 'Asia/Urumqi')?.time);
    for (let n = 0; n < 50; n += 1) stamp(`2022-03-14T23:30:${n + 10}Z`, 'en', 'Asia/Urumqi');
    expect(told).toEqual(['05:30', '05:30', '05:30']);
    expect(making).toHaveBeenCalledTimes(8);
    expect(stamp('2022-03-14T23:30:00Z', 'en', 'UTC')?.time).toBe('23:30');
  });
  it('gives nothing for text that is no instant', () => {
    expect(stamp('soon', 'en')).toBeNull();
  });
});

describe('dayOf', () => {
  it('changes day at midnight of China', () => {
    expect(dayOf('2022-03-14T15:59:59Z')).toBe('2022-03-14');
    expect(dayOf('2022-03-14T16:00:00Z')).toBe('2022-03-15');
  });
});

describe('spanOf', () => {
  it('splits a length and drops its sign', () => {
    expect(spanOf(-(86_400_000 + 3_600_000 * 2 + 60_000 * 3 + 4_999))).toEqual({ days: 1, hours: 2, minutes: 3, seconds: 4 });
  });
});

import { describe, expect, it } from 'vitest';

import { locksIn, named, turned } from '@/rules/plan-locks';

const at = (about: Record<string, string | number>): { properties: Record<string, string | number> } => ({ properties: about });
const PLACES = [
  at({ layer: 'site', candidate: 'hall', name: '文化礼堂', lock: 'stay' }),
  at({ layer: 'site', candidate: 'school', name: '小学', lock: '' }),
  at({ layer: 'candidate', key: 'square', name: '广场', lock: 'never' }),
  at({ layer: 'candidate', key: 'gym', name: '体育馆', lock: '' }),
  at({ layer: 'homes', name: '住户', lock: 'never' }),
];

describe('locks of a plan', () => {
  it('are what it was made around', () => {
    expect(locksIn(PLACES)).toEqual({ hall: 'stay', square: 'never' });
    expect(locksIn([])).toEqual({});
  });

  it('go on, over to the other kind, and off again', () => {
    const shut = turned({ hall: 'stay' }, 'gym', 'never');
    expect(shut).toEqual({ hall: 'stay', gym: 'never' });
    expect(turned(shut, 'hall', 'never')).toEqual({ hall: 'never', gym: 'never' });
    expect(turned(shut, 'gym', 'never')).toEqual({ hall: 'stay' });
  });

  it('are told by name, by the key where the plan does not show the place', () => {
    const locks = { hall: 'stay', square: 'never', gone: 'never' } as const;
    expect(named(PLACES, locks, 'stay')).toEqual(['文化礼堂']);
    expect(named(PLACES, locks, 'never')).toEqual(['广场', 'gone']);
  });
});

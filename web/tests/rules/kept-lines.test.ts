import { describe, expect, it } from 'vitest';

import { keptOf, linesOf } from '@/rules/kept-lines';

const earlier = { plan_id: 'p7', count: 120 };

describe('the lines of a plan', () => {
  it('are those of the plan shown, by its name', () => {
    expect(linesOf(undefined, keptOf('p9', 3, earlier))).toEqual({ plan: 'p9' });
  });
  it('are those of an earlier plan where none is shown yet', () => {
    expect(keptOf('', 0, earlier)).toEqual({ option: { plan: 'p7' }, count: 120, isOwn: false });
    expect(linesOf(null, keptOf('', 0, earlier))).toEqual({ plan: 'p7' });
  });
  it('stay none where the plan shown was made without, so that what-ifs can be compared', () => {
    expect(linesOf(undefined, keptOf('p9', 0, earlier))).toEqual([]);
    expect(linesOf(undefined, keptOf('', 0, undefined))).toEqual([]);
  });
  it('are what somebody chose before all, also nothing', () => {
    expect(linesOf([], keptOf('p9', 3, earlier))).toEqual([]);
    expect(linesOf({ type: 'LineString' }, keptOf('', 0, earlier))).toEqual({ type: 'LineString' });
  });
});

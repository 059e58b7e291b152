import { describe, expect, it } from 'vitest';

import { excuseOf, hindrance, isOpen, mayExcuse, mayReinstate, mayWithdraw, OTHER } from '@/rules/due-list';

const person = (state: string): { state: string; reason: string } => ({ state, reason: '' });

describe('what may be decided about somebody of a list', () => {
  it('follows their state', () => {
    const states = ['due', 'sampled', 'resulted', 'excused', 'missed'];
    expect(states.filter((state) => mayExcuse(person(state)))).toEqual(['due', 'missed']);
    expect(states.filter((state) => mayReinstate(person(state)))).toEqual(['excused']);
  });
  it('begins with the freeze and ends with the round', () => {
    expect(isOpen('draft', false)).toBe(false);
    expect(isOpen('draft', true)).toBe(true);
    expect(isOpen('reconciling', true)).toBe(true);
    expect(['closed', 'cancelled'].some((state) => isOpen(state, true))).toBe(false);
  });
});

describe('taking out again', () => {
  const added = { state: 'due', reason: '', added: true, sampled_at: null, resulted_at: null };
  const at = '2022-03-15T08:30:00+08:00';
  it('is for who was added and of whom nothing is recorded', () => {
    expect(mayWithdraw(added)).toBe(true);
    expect(mayWithdraw({ ...added, state: 'missed' })).toBe(true);
    expect([{ added: false }, { state: 'sampled' }, { state: 'excused' }, { sampled_at: at }, { resulted_at: at }].map((one) => mayWithdraw({ ...added, ...one }))).toEqual([false, false, false, false, false]);
  });
});

describe('an excuse', () => {
  it('is a code with a remark that may be empty', () => {
    expect(excuseOf('left_area', '')).toEqual({ reason: 'left_area', remark: '' });
    expect(excuseOf('left_area', ' 外省 ')).toEqual({ reason: 'left_area', remark: '外省' });
    expect(excuseOf('', '外省')).toBeNull();
  });
  it('or another, whose words have to be there', () => {
    expect(excuseOf(OTHER, '  ')).toBeNull();
    expect(excuseOf(OTHER, ' 看守所 ')).toEqual({ reason: OTHER, remark: '看守所' });
  });
});

it('only people of the round who are not on its list can be added', () => {
  const someone = { id: 'a', area: '640121400001' };
  expect(hindrance(someone, '640121', new Set())).toBeNull();
  expect(hindrance(someone, '640121', new Set(['a']))).toBe('listed');
  expect(hindrance(someone, '640122', new Set())).toBe('outside');
});

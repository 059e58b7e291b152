import { describe, expect, it } from 'vitest';

import { ALL, type AreaChoice, classed, isIn, isMixed, looked, partsOf, put } from '@/rules/freeze-areas';

const TOWNS = ['640121400', '640121401', '640121402'];
const VILLAGES = ['640121400001', '640121400002'];
const tree: AreaChoice = looked(looked(ALL, '640121', TOWNS), TOWNS[0]!, VILLAGES);
const people = [...VILLAGES, '640121401001', '640121402001'];
const covered = (choice: AreaChoice): string[] => people.filter((village) => partsOf(choice, '640121').some((part) => village.startsWith(part)));

describe('the parts a list is frozen for', () => {
  it('are the whole area until something is left out', () => {
    expect(partsOf(tree, '640121')).toEqual(['640121']);
    expect(partsOf(ALL, '640121')).toEqual(['640121']);
  });
  it('leave out a town, or a village of one', () => {
    expect(partsOf(put(tree, TOWNS[1]!, false), '640121')).toEqual([TOWNS[0], TOWNS[2]]);
    expect(partsOf(put(tree, VILLAGES[0]!, false), '640121')).toEqual([VILLAGES[1], TOWNS[1], TOWNS[2]]);
  });
  it('are one village where the rest was left out first', () => {
    const one = put(put(tree, '640121', false), VILLAGES[1]!, true);
    expect(partsOf(one, '640121')).toEqual([VILLAGES[1]]);
    expect([isIn(one, TOWNS[0]!), isMixed(one, TOWNS[0]!), isMixed(one, TOWNS[1]!)]).toEqual([false, true, false]);
  });
  it('are nothing when all was left out, and all again when it was taken back', () => {
    const none = put(tree, '640121', false);
    expect(partsOf(none, '640121')).toEqual([]);
    expect(partsOf(put(put(tree, VILLAGES[0]!, false), '640121', true), '640121')).toEqual(['640121']);
  });
  it('always reach exactly the villages that are ticked, whatever was clicked before', () => {
    const clickable = ['640121', ...TOWNS, ...VILLAGES];
    let seed = 7;
    const next = (): number => { seed = (seed * 48271) % 2147483647; return seed; };
    for (let course = 0; course < 200; course += 1) {
      let choice = tree;
      for (let click = 0; click < 6; click += 1) choice = put(choice, clickable[next() % clickable.length]!, next() % 2 === 0);
      expect(covered(choice)).toEqual(people.filter((village) => isIn(choice, village)));
    }
  });
});

it('classes are given and taken away', () => {
  const sealed = classed(ALL, VILLAGES[0]!, 'sealed_estate');
  expect(sealed.classes).toEqual({ [VILLAGES[0]!]: 'sealed_estate' });
  expect(classed(sealed, VILLAGES[0]!, '').classes).toEqual({});
});

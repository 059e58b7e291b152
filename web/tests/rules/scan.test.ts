import { describe, expect, it } from 'vitest';

import boxes from '../../../vectors/box-codes.json';
import codes from '../../../vectors/resident-codes.json';

import { boxCodeFault, readScan, tubeCodeFault } from '@/rules/scan';
import { Station } from '@/rules/station';
import { maskedName, maskedNumber } from '@/rules/text';

const TODAY = '2026-06-01';
const BOX = boxes.cases[0]!.text;
const kind = (text: string): string => readScan(text, TODAY).kind;

describe('what was scanned', () => {
  it.each([
    [codes.cases[0]!.text, 'resident'],
    [`${codes.cases[0]!.text.toLowerCase()}\r`, 'resident'],
    ['YJ1?????', 'resident'], // it means to be a code; reading it says that it is damaged
    ['990000198503140124', 'id_number'],
    ['９９００００１９８５０３１４０１２４', 'id_number'],
    ['990000198503140134', 'tube'], // no number of anybody: eighteen digits of some tube
    [BOX, 'box'],
    ['T00012345', 'tube'],
    [' T00012345\n', 'tube'],
    ['https://yj.example/station/#enrol=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 'enrol'],
    ['', 'garbled'],
    ['T0\u00010012', 'garbled'],
    ['T0\uFFFD0012', 'garbled'],
    ['管码12', 'garbled'],
    ['x'.repeat(41), 'garbled'],
  ])('%j is %s', (text, expected) => {
    expect(kind(text)).toBe(expected);
  });
});

describe('the named faults of codes', () => {
  const given = { station: '99000010120100301', tubes: [] };
  it('of a tube: garbled, not allotted, bound before', () => {
    const station = new Station({ sizes: [10], household: 'never' });
    expect(tubeCodeFault('T1', station, given)).toBe('');
    expect(tubeCodeFault('', station, given)).toBe('garbled');
    expect(tubeCodeFault('T 1', station, given)).toBe('garbled');
    const ranges = { ...given, tubes: [{ from: 'T100', to: 'T199' }] };
    expect([tubeCodeFault('T150', station, ranges), tubeCodeFault('T200', station, ranges), tubeCodeFault('T1500', station, ranges)]).toEqual(['', 'unallotted', 'unallotted']);
    station.apply({ kind: 'tube.open', at: 1, payload: { tube_id: 'a', code: 'T150', mode: 'pool', capacity: 10 } });
    station.apply({ kind: 'tube.void', at: 2, payload: { tube_id: 'a', reason: 'dropped' } });
    expect(tubeCodeFault('T150', station, ranges)).toBe('duplicate'); // a void tube keeps its code: the label must not be used again
  });
  it('of a box: its check digit, another lane, in use', () => {
    const station = new Station({ sizes: [10], household: 'never' });
    expect(boxes.cases.map((box) => boxCodeFault(box.text, station, given))).toEqual(['', 'unallotted', 'garbled', 'garbled', 'garbled', 'garbled']);
    station.apply({ kind: 'box.open', at: 1, payload: { box_id: 'b', code: BOX } });
    expect(boxCodeFault(BOX, station, given)).toBe('duplicate');
  });
});

it('shows people masked', () => {
  expect([maskedName('张'), maskedName('张三'), maskedName('张小明'), maskedName('阿卜杜拉'), maskedName(' '), maskedName('𠮷田一')]).toEqual(['*', '张*', '张*明', '阿**拉', '', '𠮷*一']);
  expect(maskedNumber('990000198503140124')).toBe('…0124');
});

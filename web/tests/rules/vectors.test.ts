import { describe, expect, it } from 'vitest';

import boxes from '../../../vectors/box-codes.json';
import ids from '../../../vectors/id-numbers.json';
import codes from '../../../vectors/resident-codes.json';
import tubes from '../../../vectors/tubes.json';

import { boxCodeHolds, stationOfBox } from '@/rules/box-code';
import { residentId } from '@/rules/id-number';
import { readCode } from '@/rules/resident-code';
import { struck } from '@/rules/revoked';
import { Station, type Fact, type Local, type Mode } from '@/rules/station';

/** The cases that Python runs too (`tests/vectors`): one answer on both sides. */

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

describe('identity numbers', () => {
  it.each(ids.cases)('$name', (given) => {
    const { number, problem, birthDate, sex } = residentId(given.text, ids.on);
    expect({ number, problem, birth_date: birthDate, sex }).toEqual({
      number: given.number, problem: given.problem, birth_date: given.birth_date, sex: given.sex,
    });
  });
});

describe("residents' codes", () => {
  const keys = new Map([[codes.key_id, bytes(codes.public_key)]]);
  it.each(codes.cases)('$name', (given) => {
    const answer = readCode(given.text, keys);
    expect(answer.kind).toBe(given.answer);
    if (answer.kind !== 'sound') return;
    expect(answer.code.persons).toEqual(given.persons);
    expect(answer.code.issued).toBe(codes.issued);
  });
});

describe('revoked codes', () => {
  const keys = new Map([[codes.key_id, bytes(codes.public_key)]]);
  it.each(codes.struck)('$name', (given) => {
    const answer = readCode(given.text, keys);
    if (answer.kind !== 'sound') throw new Error(answer.kind);
    expect(struck(answer.code, given.revoked)).toBe(given.struck);
  });
});

describe('box codes', () => {
  it.each(boxes.cases)('$name', (given) => {
    expect(boxCodeHolds(given.text)).toBe(given.holds);
    expect(stationOfBox(given.text)).toBe(given.station ?? null);
  });
});

interface Told { kind: string; at: number; tube?: string; swab?: string; code?: string; mode?: string; capacity?: number;
  purpose?: string; reason?: string; count?: number; person?: string; single?: boolean; found?: boolean; household?: string }

function factOf(told: Told): Fact {
  const { at, tube = '', swab = '', reason = '' } = told;
  const local: Local = {
    ...(told.person === undefined ? {} : { person: told.person }),
    ...(told.household === undefined ? {} : { household: told.household }),
    single: told.single ?? false,
    found: told.found ?? false,
  };
  switch (told.kind) {
    case 'tube.open':
      return { kind: 'tube.open', at, payload: { tube_id: tube, code: told.code ?? '', mode: told.mode as Mode, capacity: told.capacity ?? 0, purpose: told.purpose as 'screening' } };
    case 'swab.add': return { kind: 'swab.add', at, local, payload: { swab_id: swab, tube_id: tube, entry: 'code' } };
    case 'swab.void': return { kind: 'swab.void', at, payload: { swab_id: swab, reason } };
    case 'swab.move': return { kind: 'swab.move', at, payload: { swab_id: swab, to_tube_id: tube, reason } };
    case 'tube.lock': return { kind: 'tube.lock', at, payload: { tube_id: tube } };
    case 'tube.seal': return { kind: 'tube.seal', at, payload: { tube_id: tube, count: told.count ?? 0 } };
    case 'tube.void': return { kind: 'tube.void', at, payload: { tube_id: tube, reason } };
    case 'tube.break': return { kind: 'tube.break', at, payload: { tube_id: tube, reason } };
    default: throw new Error(told.kind);
  }
}

describe("a tube's facts", () => {
  it.each(tubes.cases)('$name', (given) => {
    const station = new Station(given.limits);
    for (const told of given.facts) station.apply(factOf(told));
    for (const [name, expected] of Object.entries(given.tubes)) {
      expect({ state: station.tubes.get(name)!.step, people: station.people(name).length, flags: station.tubeFlags(name) }, name).toEqual(expected);
    }
    for (const [name, flags] of Object.entries(given.swabs)) expect(station.swabFlags(name), name).toEqual(flags);
  });
});

import { describe, expect, it } from 'vitest';

import { addPerson, advise, lastPerson, movePerson, seatsLeft, type Candidate } from '@/rules/flow';
import { Station, type Draft, type Mode } from '@/rules/station';

const LIMITS = { sizes: [1, 5, 10, 20], household: 'anywhere' };
let clock = 0;

function apply(station: Station, drafts: readonly Draft[]): void {
  clock += 1;
  for (const draft of drafts) station.apply({ ...draft, at: clock });
}

function opened(station: Station, id: string, mode: Mode = 'pool', capacity = 10): ReturnType<Station['unsealed']>[number] {
  apply(station, [{ kind: 'tube.open', payload: { tube_id: id, code: `T${id}`, mode, capacity } }]);
  return station.tubes.get(id)!;
}

function somebody(person: string, more: Partial<Candidate['local']> = {}, listed: Candidate['listed'] = 'due'): Candidate {
  return { entry: 'code', identity: { token: `YJ1${person}` }, local: { person, ...more }, listed };
}

describe('the flow at a tube', () => {
  it('locks by itself at the pool size, and only then', () => {
    for (const size of [1, 5, 10, 20]) {
      const station = new Station(LIMITS);
      const tube = opened(station, 'A', size === 1 ? 'single' : 'pool', size);
      for (let n = 1; n <= size; n += 1) {
        const drafts = addPerson(station, tube, somebody(`p${n}`), `s${n}`);
        expect(drafts.map((draft) => draft.kind)).toEqual(n === size ? ['swab.add', 'tube.lock'] : ['swab.add']);
        apply(station, drafts);
      }
      expect([tube.step, seatsLeft(station, tube)]).toEqual(['locked', 0]);
      expect(advise(station, tube, somebody('late'))).toEqual(['tube_full']);
    }
  });

  it('gives the seat of an undone person to the next one without locking twice', () => {
    const station = new Station(LIMITS);
    const tube = opened(station, 'A', 'pool', 5);
    for (let n = 0; n < 5; n += 1) apply(station, addPerson(station, tube, somebody(`p${n}`), `s${n}`));
    expect(lastPerson(station, tube)!.id).toBe('s4');
    apply(station, [{ kind: 'swab.void', payload: { swab_id: 's4', reason: 'x' } }]);
    expect([tube.step, seatsLeft(station, tube), lastPerson(station, tube)!.id]).toEqual(['locked', 1, 's3']);
    expect(advise(station, tube, somebody('p4'))).toEqual([]);
    expect(addPerson(station, tube, somebody('p4'), 's9').map((draft) => draft.kind)).toEqual(['swab.add']);
  });

  it('says of whoever went ahead of the line that they did, and of nobody else', () => {
    const station = new Station(LIMITS);
    const tube = opened(station, 'A');
    const [ahead] = addPerson(station, tube, somebody('p', { green: true }), 's');
    const [other] = addPerson(station, tube, somebody('q'), 't');
    expect([ahead, other].map((draft) => 'green' in draft!.payload)).toEqual([true, false]);
  });

  it('warns of whoever must be alone, everywhere but in a single tube (R51)', () => {
    const station = new Station(LIMITS);
    const contact = somebody('c', { single: true });
    expect(advise(station, opened(station, 'A'), contact)).toEqual(['single_only']);
    expect(advise(station, opened(station, 'H', 'household'), contact)).toEqual(['single_only']);
    expect(advise(station, opened(station, 'S', 'single', 1), contact)).toEqual([]);
  });

  it('tells a person twice in this tube, at this station, or on the list', () => {
    const station = new Station(LIMITS);
    const one = opened(station, 'A');
    const two = opened(station, 'B');
    apply(station, addPerson(station, one, somebody('p'), 's'));
    expect(advise(station, one, somebody('p'))).toEqual(['in_this_tube']);
    expect(advise(station, two, somebody('p'))).toEqual(['swabbed_here']);
    expect(advise(station, two, somebody('q', {}, 'sampled'))).toEqual(['already_sampled']);
    expect(advise(station, two, somebody('r', {}, 'no'))).toEqual(['not_on_list']);
    expect(advise(station, two, somebody('v', {}, null))).toEqual([]);
    apply(station, [{ kind: 'tube.break', payload: { tube_id: 'A', reason: 'fell' } }]);
    expect(advise(station, two, somebody('p'))).toEqual([]);
  });

  it('keeps households apart', () => {
    const station = new Station(LIMITS);
    const tube = opened(station, 'H', 'household');
    apply(station, addPerson(station, tube, somebody('a', { household: 'h1' }), 's1'));
    expect(advise(station, tube, somebody('b', { household: 'h1' }))).toEqual([]);
    expect(advise(station, tube, somebody('c', { household: 'h2' }))).toEqual(['other_household']);
  });

  it('moves a person and locks the tube that becomes full', () => {
    const station = new Station(LIMITS);
    const one = opened(station, 'A');
    const two = opened(station, 'B', 'single', 1);
    apply(station, addPerson(station, one, somebody('c', { single: true }), 's'));
    const drafts = movePerson(station, station.swabs.get('s')!, two, 'alone');
    expect(drafts.map((draft) => draft.kind)).toEqual(['swab.move', 'tube.lock']);
    apply(station, drafts);
    expect([station.people('A').length, station.people('B').length, two.step]).toEqual([0, 1, 'locked']);
  });

  it('counts the rack: sealed tubes that are in no box', () => {
    const station = new Station(LIMITS);
    for (const id of ['A', 'B', 'C']) {
      opened(station, id);
      apply(station, [{ kind: 'tube.seal', payload: { tube_id: id, count: 0 } }]);
    }
    apply(station, [
      { kind: 'box.open', payload: { box_id: 'X', code: 'box' } },
      { kind: 'box.add', payload: { box_id: 'X', tube_codes: ['TA', 'TB', 'TA'] } },
    ]);
    expect(station.inRack().map((tube) => tube.id)).toEqual(['C']);
    expect(station.boxes.get('X')!.tubeCodes).toEqual(['TA', 'TB']);
  });
});

import type { StationCore } from '@/offline/core';
import { addPerson, advise, lastPerson, movePerson, seatsLeft, type Candidate } from '@/rules/flow';
import type { Draft, Station, Tube } from '@/rules/station';

/** What a sampler's hand does, as the station's own screens make it into drafts. A step that has no place is left out. */

export type Deed =
  | Readonly<{ do: 'tube'; code: string; size?: number }>
  | Readonly<{ do: 'code'; token: string }>
  | Readonly<{ do: 'number'; number: string }>
  | Readonly<{ do: 'name'; name: string }>
  | Readonly<{ do: 'undo' | 'move' | 'seal' | 'break' | 'void' | 'rack' }>
  | Readonly<{ do: 'box'; code: string; seal: string }>;
type Build = (station: Station, at: number) => readonly Draft[];

const current = (station: Station): Tube | null => station.unsealed().at(-1) ?? null;

/** Each is one action: stored whole or not at all. */
export function drafted(deed: Deed, core: StationCore): Build[] {
  switch (deed.do) {
    case 'tube': return [opening(core, deed.code, deed.size ?? core.pack?.preset.size ?? 10)];
    case 'code': return people(core, deed.token).map((who) => swabbing(core, who));
    case 'number': return [swabbing(core, core.ofDocument(deed.number, 'id'))];
    case 'name': return [swabbing(core, core.ofName(deed.name, ''))];
    case 'box': return boxing(core, deed.code, deed.seal);
    case 'rack': return [(station) => [{ kind: 'rack.count', payload: { count_id: core.newId(), tubes: station.inRack().length, by: '李' } }]];
    default: return [changing(deed.do)];
  }
}

function opening(core: StationCore, code: string, size: number): Build {
  const id = core.newId();
  return () => [{ kind: 'tube.open', payload: { tube_id: id, code, mode: size === 1 ? 'single' : 'pool', capacity: size } }];
}

function people(core: StationCore, token: string): readonly Candidate[] {
  const read = core.ofCode(token);
  return read.kind === 'people' ? read.people : [read.kept];
}

/** Whoever is in already is sent on; every other word of advice is heard and the swab is taken all the same. */
function swabbing(core: StationCore, who: Candidate): Build {
  const id = core.newId();
  return (station) => {
    const tube = current(station);
    if (tube === null || seatsLeft(station, tube) === 0) return [];
    const said = advise(station, tube, who);
    return said.includes('in_this_tube') || said.includes('swabbed_here') ? [] : addPerson(station, tube, who, id);
  };
}

function changing(what: 'undo' | 'move' | 'seal' | 'break' | 'void'): Build {
  return (station) => {
    const tube = current(station);
    if (tube === null) return [];
    const last = lastPerson(station, tube);
    switch (what) {
      case 'undo': return last === null ? [] : [{ kind: 'swab.void', payload: { swab_id: last.id, reason: '扫错人' } }];
      case 'seal': return [{ kind: 'tube.seal', payload: { tube_id: tube.id, count: station.people(tube.id).length } }];
      case 'break': return [{ kind: 'tube.break', payload: { tube_id: tube.id, reason: '跌落' } }];
      case 'void': return [{ kind: 'tube.void', payload: { tube_id: tube.id, reason: '未使用' } }];
      case 'move': {
        const to = station.unsealed().find((one) => one.id !== tube.id && seatsLeft(station, one) > 0);
        return last === null || to === undefined ? [] : movePerson(station, last, to, '入错管');
      }
    }
  };
}

function boxing(core: StationCore, code: string, seal: string): Build[] {
  const id = core.newId();
  let codes: string[] = [];
  return [
    (station) => {
      codes = station.inRack().map((tube) => tube.code);
      return codes.length === 0 ? [] : [{ kind: 'box.open', payload: { box_id: id, code } }];
    },
    () => (codes.length === 0 ? [] : [{ kind: 'box.add', payload: { box_id: id, tube_codes: codes } }]),
    () => (codes.length === 0 ? [] : [{ kind: 'box.seal', payload: { box_id: id, seal_no: seal, count: codes.length } }]),
  ];
}

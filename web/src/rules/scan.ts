/** What a scanned or typed text is, and the four named faults of codes: 断网 乱码 缺码 重码 (network is the sync's own). Pure. */

import { boxCodeHolds, stationOfBox } from './box-code';
import { looksLikeFrame } from './frames';
import { cleanId, residentId, type IdFacts } from './id-number';
import { looksLikeManifest, readManifest, type Manifest } from './manifest';
import { looksLikeCode } from './resident-code';
import type { Station } from './station';
import { fold } from './text';

export type Scan =
  | Readonly<{ kind: 'enrol'; token: string }>
  | Readonly<{ kind: 'resident'; text: string }>
  | Readonly<{ kind: 'id_number'; facts: IdFacts }>
  | Readonly<{ kind: 'box'; code: string }>
  | Readonly<{ kind: 'tube'; code: string }>
  | Readonly<{ kind: 'manifest'; manifest: Manifest }>
  | Readonly<{ kind: 'frame'; text: string }>
  | Readonly<{ kind: 'garbled'; text: string }>;

/** Codes of this station's own and, where they were given out by range, of its tubes. */
export type Allotted = Readonly<{ station: string; tubes: readonly Readonly<{ from: string; to: string }>[] }>;
export type CodeFault = '' | 'garbled' | 'unallotted' | 'duplicate';

const TUBE_MAX = 40;
const TUBE_MIN = 3;
const ENROL = /[#?&]enrol=([A-Z2-7]{16,64})$/u;
const TUBE = /^[0-9A-Za-z][0-9A-Za-z./+$%_-]*$/u; // what Code 39, Code 128 and Data Matrix tube labels carry

/** Tells what a text is by its form alone; `today` is `YYYY-MM-DD`. */
export function readScan(raw: string, today: string): Scan {
  const enrol = ENROL.exec(raw.trim());
  if (enrol?.[1] !== undefined) return { kind: 'enrol', token: enrol[1] };
  const text = fold(raw);
  if (looksLikeCode(text)) return { kind: 'resident', text };
  if (looksLikeFrame(text)) return { kind: 'frame', text };
  const manifest = looksLikeManifest(text) ? readManifest(text) : null;
  if (manifest !== null) return { kind: 'manifest', manifest };
  const facts = residentId(cleanId(text), today);
  if (facts.problem === '') return { kind: 'id_number', facts };
  if (boxCodeHolds(text)) return { kind: 'box', code: text };
  if (TUBE.test(text) && text.length <= TUBE_MAX && text.length >= TUBE_MIN) return { kind: 'tube', code: text };
  return { kind: 'garbled', text };
}

/** Whether a text with letters missing or strange ones before it could not have been read as this: it is signed or checked. */
export function provesItself(scan: Scan): boolean {
  return scan.kind !== 'tube' && scan.kind !== 'garbled';
}

function allotted(code: string, given: Allotted): boolean {
  if (given.tubes.length === 0) return true; // tube codes are the manufacturer's: without ranges every code may come
  return given.tubes.some(({ from, to }) => code.length === from.length && from <= code && code <= to);
}

/** Whether a tube's code can be bound without a word: unreadable, not given out to this station, or bound before. */
export function tubeCodeFault(code: string, station: Station, given: Allotted): CodeFault {
  if (code === '' || code.length > TUBE_MAX || !TUBE.test(code)) return 'garbled';
  if (station.tubesOfCode(code).length > 0) return 'duplicate';
  return allotted(code, given) ? '' : 'unallotted';
}

/** The same for a box: its check digit, the station in it, and whether it is in use here. */
export function boxCodeFault(code: string, station: Station, given: Allotted): CodeFault {
  if (!boxCodeHolds(code)) return 'garbled';
  if ([...station.boxes.values()].some((box) => box.code === code)) return 'duplicate';
  return stationOfBox(code) === given.station ? '' : 'unallotted';
}

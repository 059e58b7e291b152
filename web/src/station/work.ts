import { shallowReactive } from 'vue';

import { addPerson, advise, lastPerson, movePerson, seatsLeft, stops, type Candidate, type Stop } from '@/rules/flow';
import type { Manifest } from '@/rules/manifest';
import { boxCodeFault, provesItself, readScan, tubeCodeFault, type CodeFault, type Scan } from '@/rules/scan';
import type { Box, Draft, Mode, Station, Swab, Tube } from '@/rules/station';

import { signal, type Tone } from './feedback';
import type { Typed } from './scanner';
import { core } from './state';
import { say, type Word } from './words';

/** The sampler's work: tube, people, lock, seal, next. What a scan means depends on what the screen waits for. */

export type Sheet =
  | Readonly<{ kind: 'advice'; who: Candidate; said: readonly Stop[] }>
  | Readonly<{ kind: 'family'; people: readonly Candidate[] }>
  | Readonly<{ kind: 'unreadable'; why: 'garbled' | 'foreign_key' | 'revoked'; kept: Candidate }>
  | Readonly<{ kind: 'tube_fault'; code: string; fault: CodeFault }>
  | Readonly<{ kind: 'other_tube'; code: string }>
  | Readonly<{ kind: 'seal'; tubeId: string }>
  | Readonly<{ kind: 'reason'; what: 'undo' | 'void' | 'break' | 'move'; swabId?: string; tubeId?: string; toId?: string }>
  | Readonly<{ kind: 'person'; swabId: string }>
  | Readonly<{ kind: 'tube'; tubeId: string }>
  | Readonly<{ kind: 'typed'; what: 'tube' | 'id' | 'walk_in' }>;

interface Work {
  sheet: Sheet | null;
  tubeId: string;
  mode: Exclude<Mode, 'single'>;
  size: number;
  /** Somebody who must be alone and waits for a single tube (R51). */
  alone: Candidate | null;
  told: { tone: Tone; text: string };
  /** The manifest of a sealed box that is on the screen, and what was scanned out of the box since (here or elsewhere sealed). */
  manifest: Manifest | null;
  counted: ReadonlySet<string>;
}

/** Shallow: what a sheet holds goes to the disk as it is, and IndexedDB takes no proxies. */
export const work = shallowReactive<Work>({ sheet: null, tubeId: '', mode: 'pool', size: 0, alone: null, told: { tone: 'good', text: '' }, manifest: null, counted: new Set() });

export function tell(tone: Tone, word: Word, given: Readonly<Record<string, string | number>> = {}): void {
  const text = say(word, given);
  work.told = { tone, text };
  signal(tone, text);
}

// Without a word the sampler would take the swab and go on to the next.
core.onUnstored(() => { tell('stop', 'work.notStored'); });

/** The tube people go into now: the chosen one, else the last one opened. */
export function currentTube(station: Station): Tube | null {
  const open = station.unsealed();
  return open.find((tube) => tube.id === work.tubeId) ?? open.at(-1) ?? null;
}

const today = (): string => new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10);
const allotted = (): NonNullable<typeof core.pack>['codes'] => core.pack?.codes ?? { station: '', tubes: [] };
export const poolSize = (): number => (work.size > 0 ? work.size : (core.pack?.preset.size ?? 1));

let line: Promise<unknown> = Promise.resolve();

/**
 * One thing after another: what a scan means depends on the tubes there are, and a scanner is quicker than a phone's disk. So
 * each waits until the one before, and whatever a button began, is stored. What is called from inside must not ask for a turn.
 */
export function inTurn(job: () => Promise<void>): Promise<void> {
  const done = line.then(() => core.settled()).then(job);
  line = done.catch(() => undefined);
  return done;
}

/** Whether a typed text must be scanned again: a pause tore it, and nothing in it shows that it is whole all the same. */
export function torn(typed: Typed): boolean {
  return typed.torn && !provesItself(readScan(typed.text, today()));
}

/** A scan, from wherever it came: camera, hardware scanner, or typed. It closes the sheet it was heard beside, no later one. */
export function scanned(text: string): Promise<void> {
  const beside = work.sheet;
  return inTurn(() => heard(text, beside));
}

async function heard(text: string, beside: Sheet | null): Promise<void> {
  const scan = readScan(text, today());
  const tube = work.alone === null ? currentTube(core.station) : null;
  if (tube === null) await forTube(scan, beside);
  else await forPerson(scan, tube, beside);
}

/** What was opened while the disk was slow is somebody's work: a number being typed must not vanish. */
function close(beside: Sheet | null): void {
  if (work.sheet === beside) work.sheet = null;
}

async function forTube(scan: Scan, beside: Sheet | null): Promise<void> {
  switch (scan.kind) {
    case 'tube': {
      const fault = tubeCodeFault(scan.code, core.station, allotted());
      if (fault === '') await openTube(scan.code, beside);
      else ask({ kind: 'tube_fault', code: scan.code, fault }, `fault.${fault}.title`);
      return;
    }
    case 'garbled':
      ask({ kind: 'tube_fault', code: '', fault: 'garbled' }, 'fault.garbled.title');
      return;
    default:
      tell('stop', scan.kind === 'box' ? 'work.notBox' : 'work.tubeFirst');
  }
}

async function forPerson(scan: Scan, tube: Tube, beside: Sheet | null): Promise<void> {
  switch (scan.kind) {
    case 'resident': {
      const read = core.ofCode(scan.text);
      if (read.kind !== 'people') ask({ kind: 'unreadable', why: read.kind, kept: read.kept }, `fault.person.${read.kind}`);
      else if (read.people.length > 1) work.sheet = { kind: 'family', people: read.people };
      else for (const who of read.people) await present(who, tube, beside);
      return;
    }
    case 'id_number':
      await present(core.ofDocument(scan.facts.number, 'card'), tube, beside);
      return;
    case 'tube':
      if (scan.code === tube.code) {
        if (seatsLeft(core.station, tube) === 0) work.sheet = { kind: 'seal', tubeId: tube.id };
        else tell('good', 'work.sameTube');
      } else ask({ kind: 'other_tube', code: scan.code }, 'work.otherTube');
      return;
    case 'garbled':
      ask({ kind: 'unreadable', why: 'garbled', kept: { entry: 'code', identity: { token: scan.text.slice(0, 400) }, local: {}, listed: null } }, 'fault.person.garbled');
      return;
    default:
      tell('stop', 'work.notPerson');
  }
}

function ask(sheet: Sheet, word: Word): void {
  work.sheet = sheet;
  tell('stop', word);
}

/** Somebody stands here: into the tube, or first a word to the sampler. */
export async function present(who: Candidate, tube: Tube, beside = work.sheet): Promise<void> {
  const said = stops(advise(core.station, tube, who));
  const first = said[0];
  if (first === undefined) await put(who, tube.id, beside);
  else ask({ kind: 'advice', who, said }, `advice.${first}.title`);
}

/** Records the swab; a full group locks by itself. */
export async function put(who: Candidate, tubeId: string, beside = work.sheet): Promise<void> {
  close(beside);
  const swabId = core.newId();
  const done = await core.act((station) => {
    const tube = station.tubes.get(tubeId);
    return tube === undefined || tube.step === 'sealed' ? [] : addPerson(station, tube, who, swabId);
  });
  if (done === 0) return;
  const people = core.station.people(tubeId).length;
  const full = core.station.tubes.get(tubeId)?.step === 'locked';
  if (full) tell('full', 'work.full', { count: people });
  else if (who.local.green === true) tell('good', 'work.addedGreen', { count: people, name: who.local.label ?? '' });
  else if (who.listed === 'no') tell('good', 'work.addedStranger', { count: people });
  else tell('good', 'work.added', { count: people, name: who.local.label ?? '' });
}

/** A tube's code is bound. With somebody waiting who must be alone, it is a single tube and theirs. */
export async function openTube(code: string, beside = work.sheet): Promise<void> {
  close(beside);
  const [tubeId, swabId, alone] = [core.newId(), core.newId(), work.alone];
  const capacity = alone === null ? poolSize() : 1;
  const mode: Mode = capacity === 1 ? 'single' : work.mode;
  const opened: Draft = { kind: 'tube.open', payload: { tube_id: tubeId, code, mode, capacity } };
  const theirs: Draft[] = alone === null ? [] : [
    { kind: 'swab.add', payload: { swab_id: swabId, tube_id: tubeId, entry: alone.entry, ...alone.identity }, local: alone.local },
    { kind: 'tube.lock', payload: { tube_id: tubeId } },
  ];
  await core.act(() => [opened, ...theirs]);
  work.tubeId = tubeId;
  work.alone = null;
  if (alone === null) tell('good', 'work.opened');
  else tell('full', 'work.singleDone');
}

/** What the sampler counts on the tube goes with the seal; the tube that waits behind it is the next one. */
export async function seal(tubeId: string, count: number): Promise<void> {
  work.sheet = null;
  await core.act((station) => (station.tubes.get(tubeId)?.step === 'sealed' ? [] : [{ kind: 'tube.seal', payload: { tube_id: tubeId, count } }]));
  work.tubeId = '';
  tell('good', currentTube(core.station) === null ? 'work.sealed' : 'work.sealedBack');
}

export async function undo(swabId: string, reason: string): Promise<void> {
  work.sheet = null;
  await core.act((station) => (station.swabs.get(swabId)?.voidedAt === null ? [{ kind: 'swab.void', payload: { swab_id: swabId, reason } }] : []));
  tell('good', 'work.undone');
}

export async function move(swabId: string, toId: string, reason: string): Promise<void> {
  work.sheet = null;
  await core.act((station) => {
    const [swab, to] = [station.swabs.get(swabId), station.tubes.get(toId)];
    return swab === undefined || to === undefined ? [] : movePerson(station, swab, to, reason);
  });
  tell('good', 'work.moved');
}

export async function end(tubeId: string, how: 'void' | 'break', reason: string): Promise<void> {
  work.sheet = null;
  await core.act(() => [{ kind: how === 'void' ? 'tube.void' : 'tube.break', payload: { tube_id: tubeId, reason } }]);
  tell('stop', how === 'void' ? 'work.voided' : 'work.broken');
}

export const last = (station: Station, tube: Tube): Swab | null => lastPerson(station, tube);

// -- boxes ---------------------------------------------------------------------------------------

export const openBox = (station: Station): ReturnType<Station['boxes']['get']> | null =>
  [...station.boxes.values()].find((box) => box.sealedAt === null) ?? null;

/** On the box page a scan is a box's code first, then the tubes that go into it. */
export function scannedForBox(text: string): Promise<void> {
  return inTurn(() => heardForBox(text));
}

async function heardForBox(text: string): Promise<void> {
  const scan = readScan(text, today());
  if (scan.kind === 'manifest') { showManifest(scan.manifest); return; }
  if (work.manifest !== null) { countOut(scan, work.manifest); return; }
  const box = openBox(core.station) ?? null;
  if (box === null) {
    const code = scan.kind === 'box' || scan.kind === 'tube' ? scan.code : '';
    const fault = boxCodeFault(code, core.station, allotted());
    if (fault === '' || fault === 'unallotted') await newBox(code, fault);
    else tell('stop', `box.${fault}`);
    return;
  }
  if (scan.kind !== 'tube') { tell('stop', 'box.notTube'); return; }
  const tube = core.station.tubesOfCode(scan.code)[0];
  if (box.tubeCodes.includes(scan.code)) { tell('stop', 'box.inside'); return; }
  if (tube !== undefined && tube.step !== 'sealed') { tell('stop', 'box.notSealed'); return; }
  await intoBox([scan.code], tube === undefined);
}

/** Another phone's manifest, or our own: whoever takes the box over counts against it. */
function showManifest(manifest: Manifest): void {
  work.manifest = manifest;
  work.counted = new Set();
  tell('good', 'manifest.read', { tubes: manifest.tubes.length, people: manifest.people });
}

function countOut(scan: Scan, manifest: Manifest): void {
  if (scan.kind !== 'tube') { tell('stop', 'box.notTube'); return; }
  const known = manifest.tubes.includes(scan.code);
  const again = work.counted.has(scan.code);
  work.counted = new Set([...work.counted, scan.code]);
  const left = manifest.tubes.filter((code) => !work.counted.has(code)).length;
  if (!known) tell('stop', 'manifest.extra');
  else if (left === 0) tell('full', 'manifest.allThere', { count: manifest.tubes.length });
  else tell('good', again ? 'manifest.again' : 'manifest.ticked', { left });
}

/** The manifest of a box sealed on this phone. */
export function manifestOf(station: Station, box: Box): Manifest {
  const tubes = box.tubeCodes.map((code) => station.tubesOfCode(code)[0]);
  const people = tubes.reduce((sum, tube) => sum + (tube === undefined ? 0 : station.people(tube.id).length), 0);
  return { box: box.code, sealNo: box.sealNo, sealedAt: box.sealedAt ?? 0, people, tubes: box.tubeCodes };
}

export function openManifest(boxId: string): void {
  const box = core.station.boxes.get(boxId);
  if (box === undefined) return;
  work.manifest = manifestOf(core.station, box);
  work.counted = new Set();
  work.told = { tone: 'good', text: '' };
}

async function newBox(code: string, fault: CodeFault): Promise<void> {
  const boxId = core.newId();
  await core.act(() => [{ kind: 'box.open', payload: { box_id: boxId, code } }]);
  tell(fault === '' ? 'good' : 'stop', fault === '' ? 'box.opened' : 'box.unallotted');
}

export async function intoBox(codes: readonly string[], strange = false): Promise<void> {
  const box = openBox(core.station) ?? null;
  if (box === null || codes.length === 0) return;
  await core.act(() => [{ kind: 'box.add', payload: { box_id: box.id, tube_codes: codes } }]);
  tell(strange ? 'stop' : 'good', strange ? 'box.strange' : 'box.added', { count: openBox(core.station)?.tubeCodes.length ?? 0 });
}

export async function sealBox(sealNo: string, count: number): Promise<void> {
  const box = openBox(core.station) ?? null;
  if (box === null) return;
  await core.act(() => [{ kind: 'box.seal', payload: { box_id: box.id, seal_no: sealNo, count } }]);
  tell('full', 'box.sealed');
  openManifest(box.id);
}

export async function countRack(tubes: number, by: string): Promise<void> {
  await core.act(() => [{ kind: 'rack.count', payload: { count_id: core.newId(), tubes, by } }]);
  tell('good', 'rack.done');
}

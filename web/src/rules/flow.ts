/** The next step at a station: what to say before a person goes into a tube, and what an action brings with it. Pure. */

import type { Draft, Entry, Local, Payloads, Station, Swab, Tube } from './station';

/** Somebody about to be swabbed, as far as the phone can tell. `listed` is null when there is no list to ask. */
export type Candidate = Readonly<{
  entry: Entry;
  identity: Readonly<Pick<Payloads['swab.add'], 'token' | 'person_id' | 'id_type' | 'id_number' | 'name' | 'phone'>>;
  local: Local;
  listed: 'due' | 'sampled' | 'elsewhere' | 'no' | null;
}>;

export type Advice =
  | 'tube_full' // no seat left: seal, take the next tube
  | 'single_only' // R51: never pooled; take a single tube
  | 'in_this_tube' // the same person is in this very tube
  | 'swabbed_here' // the same person was swabbed at this station already
  | 'already_sampled' // the list says sampled
  | 'other_household' // R50: one household, one tube
  | 'not_on_list'; // stored with a trace (R13)

/** Advice that stops the flow until somebody decides; the rest is told while it goes on. */
export type Stop = Exclude<Advice, 'not_on_list'>;

export function stops(said: readonly Advice[]): Stop[] {
  return said.filter((one) => one !== 'not_on_list');
}

export function seatsLeft(station: Station, tube: Tube): number {
  return tube.step === 'open' || tube.step === 'locked' ? Math.max(0, tube.capacity - station.people(tube.id).length) : 0;
}

/** What to say before this person goes into this tube, the gravest first. Nothing here refuses: a swab that happened is stored. */
export function advise(station: Station, tube: Tube, who: Candidate): Advice[] {
  const said: Advice[] = [];
  if (seatsLeft(station, tube) === 0) said.push('tube_full');
  if (who.local.single === true && tube.mode !== 'single') said.push('single_only');
  const before = who.local.person === undefined ? null : station.takenFrom(who.local.person);
  if (before !== null) said.push(before.tubeId === tube.id ? 'in_this_tube' : 'swabbed_here');
  else if (who.listed === 'sampled') said.push('already_sampled');
  const first = station.people(tube.id)[0];
  if (tube.mode === 'household' && first !== undefined && first.local.household !== who.local.household) said.push('other_household');
  if (who.listed === 'no') said.push('not_on_list');
  return said;
}

/** A swab into a tube; the group locks by itself when the last seat is taken (R30, R49). */
export function addPerson(station: Station, tube: Tube, who: Candidate, swabId: string): Draft[] {
  const ahead = who.local.green === true ? { green: true } : {};
  const payload = { swab_id: swabId, tube_id: tube.id, entry: who.entry, ...who.identity, ...ahead };
  return [{ kind: 'swab.add', payload, local: who.local }, ...lockWhenFull(station, tube)];
}

/** A person from one open tube to another, with a reason. */
export function movePerson(station: Station, swab: Swab, to: Tube, reason: string): Draft[] {
  return [{ kind: 'swab.move', payload: { swab_id: swab.id, to_tube_id: to.id, reason } }, ...lockWhenFull(station, to)];
}

function lockWhenFull(station: Station, tube: Tube): Draft[] {
  const full = tube.step === 'open' && station.people(tube.id).length + 1 >= tube.capacity;
  return full ? [{ kind: 'tube.lock', payload: { tube_id: tube.id } }] : [];
}

/** The last person who went into a tube and still counts. */
export function lastPerson(station: Station, tube: Tube): Swab | null {
  return station.people(tube.id).at(-1) ?? null;
}

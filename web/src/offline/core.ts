import { residentId } from '@/rules/id-number';
import { readCode } from '@/rules/resident-code';
import { struck } from '@/rules/revoked';
import { Station, type Draft, type Local } from '@/rules/station';
import type { Candidate } from '@/rules/flow';
import { maskedName, maskedNumber } from '@/rules/text';
import { uuid7 } from '@/rules/uuid7';

import type { Sender, StationDb } from './db';
import { DOORS, fetchDoors, storedDoors, type Doors } from './doors';
import { restoredKey, type Chance, type Counts, type Journal, type Restored } from './journal';
import { keysOf, limitsOf, refresh, storedPack, storedRoster, type Fetch, type Pack, type Refreshed } from './pack';
import type { Listed, Roster } from './roster';

/** The station as its screens see it: who it is, what it knows, what was done here. Every action passes through `act`. */

export type People =
  | Readonly<{ kind: 'people'; people: readonly Candidate[] }>
  | Readonly<{ kind: 'garbled' | 'foreign_key' | 'revoked'; kept: Candidate }>;

/** The server refuses the invitation, with its code and sentence. */
export class EnrolRefused extends Error {
  constructor(readonly code: string, readonly says: string) {
    super(code);
  }
}

const ENROLLING = 'enrolling';
const BACKWARDS = 3_600_000; // a clock set back by less keeps the order of what was done; by more, it was wrong before
const NO_ROUND = { sizes: [], household: 'never' };

export class StationCore {
  sender: Sender | null = null;
  pack: Pack | null = null;
  roster: Roster | null = null;
  doors: Doors | null = null;
  station = new Station(NO_ROUND);
  counts: Counts = { waiting: 0, parked: 0, stuck: 0, applied: 0, hub: 0 };
  restored: Restored | null = null;
  private turn: Promise<unknown> = Promise.resolve();
  private last = 0;
  private readonly listeners = new Set<() => void>();
  private readonly unstored = new Set<() => void>();

  constructor(
    readonly db: StationDb,
    readonly journal: Journal,
    private readonly ports: Readonly<{ fetch: Fetch; now: () => number; chance: Chance }>,
  ) {}

  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** Something that was done could not be stored (a full disk): it did not happen, and whoever did it must be told. */
  onUnstored(listener: () => void): void {
    this.unstored.add(listener);
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }

  /** Reads everything back: after a reload the station is what it was. */
  async load(): Promise<void> {
    this.sender = (await this.db.senders.where('own').equals(1).first()) ?? null;
    this.pack = this.sender === null ? null : ((await storedPack(this.db)) ?? null);
    this.roster = this.pack === null ? null : await storedRoster(this.db, this.pack);
    this.doors = this.pack === null ? null : await storedDoors(this.db, this.pack.round.id, this.pack.station.code);
    this.station = new Station(this.pack === null ? NO_ROUND : limitsOf(this.pack));
    if (this.sender !== null && this.pack !== null) {
      await this.journal.prune(this.pack.round.id, this.ports.now());
      for (const fact of await this.journal.facts(this.sender.device, this.pack.round.id)) {
        this.station.apply(fact);
        this.last = fact.at;
      }
      this.restored = (await this.db.get<Restored>(restoredKey(this.sender.device))) ?? null;
    }
    await this.recount();
  }

  async recount(): Promise<void> {
    this.counts = await this.journal.counts();
    this.changed();
  }

  /**
   * Trades an invitation for this phone's secret. The id is stored before it is sent, so that asking again after a lost
   * answer is the same asking. Queues of an earlier enrolment keep their own sender. Raises `EnrolRefused`.
   */
  async enrol(token: string, name: string): Promise<void> {
    const begun = await this.db.get<{ token: string; device: string }>(ENROLLING);
    const device = begun?.token === token ? begun.device : uuid7(this.ports.now(), this.ports.chance());
    await this.db.put(ENROLLING, { token, device });
    const answer = await this.ports.fetch('/api/devices/enrol', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token, device_id: device, name }),
      credentials: 'omit',
    });
    const told = (await answer.json().catch(() => ({}))) as { secret?: string; code?: string; says?: string };
    if (!answer.ok || told.secret === undefined) throw new EnrolRefused(told.code ?? `http_${answer.status}`, told.says ?? '');
    const secret = told.secret;
    await this.db.transaction('rw', this.db.senders, this.db.meta, async () => {
      await this.db.senders.where('own').equals(1).modify({ own: 0 });
      await this.db.senders.put({ device, secret, name, own: 1, carried: false });
      await this.db.meta.bulkDelete([ENROLLING, 'pack', 'pack tag', DOORS]);
    });
    await this.load();
  }

  /** Fetches what has changed on the server. Without a line nothing changes and the fetch's error is raised. */
  async refresh(): Promise<Refreshed> {
    if (this.sender === null) return { pack: false, roster: false, bytes: 0 };
    const fresh = await refresh(this.db, this.sender, this.ports.fetch);
    if (fresh.pack || this.pack === null) await this.load();
    else if (fresh.roster) {
      this.roster = await storedRoster(this.db, this.pack);
      this.changed();
    }
    return fresh;
  }

  /** Fetches the home-visit list. Without a line the one that is here stays and the fetch's error is raised. */
  async askDoors(): Promise<void> {
    const { sender, pack } = this;
    if (sender === null || pack === null) return;
    this.doors = await fetchDoors(this.db, sender, this.ports.fetch, { round: pack.round.id, station: pack.station.code, at: this.ports.now() });
    this.changed();
  }

  /** The team is back: nobody's address stays on the phone. */
  async forgetDoors(): Promise<void> {
    await this.db.meta.delete(DOORS);
    this.doors = null;
    this.changed();
  }

  /**
   * Does something: `build` says what, from the state at its turn; it is stored, and only then is it so. One at a time, so
   * that a second tap finds what the first one did.
   */
  act(build: (station: Station, at: number) => readonly Draft[]): Promise<number> {
    const done = this.turn.then(() => this.perform(build));
    this.turn = done.catch(() => { for (const listener of this.unstored) listener(); });
    return done;
  }

  /** When everything begun until now is on the disk, or has failed: whoever decides by the state asks after that. */
  async settled(): Promise<void> {
    await this.turn;
  }

  private async perform(build: (station: Station, at: number) => readonly Draft[]): Promise<number> {
    const { sender, pack } = this;
    if (sender === null || pack === null) return 0;
    const now = this.ports.now();
    const at = now <= this.last && this.last - now < BACKWARDS ? this.last + 1 : now;
    const drafts = build(this.station, at);
    if (drafts.length === 0) return 0;
    await this.journal.record(drafts, { device: sender.device, round: pack.round.id, at });
    this.last = at;
    for (const draft of drafts) this.station.apply({ ...draft, at });
    this.counts = { ...this.counts, waiting: this.counts.waiting + drafts.length };
    this.changed();
    return drafts.length;
  }

  newId(): string {
    return this.journal.newId(this.ports.now());
  }

  /** Whoever a resident's code stands for: one person, a family, or nobody we can read. */
  ofCode(text: string): People {
    const read = readCode(text, this.pack === null ? new Map() : keysOf(this.pack));
    const kept: Candidate = { entry: 'code', identity: { token: text.trim().slice(0, 400) }, local: {}, listed: null };
    if (read.kind !== 'sound') return { kind: read.kind, kept };
    // Whoever holds a code that is no longer good may be somebody else: another document says who they are.
    if (struck(read.code, this.pack?.revoked ?? [])) return { kind: 'revoked', kept };
    const family = read.code.persons.length > 1;
    const people = read.code.persons.map((id): Candidate => {
      const listed = this.roster?.ofPerson(id) ?? null;
      const person = listed?.key ?? this.roster?.strangerKey('person', id);
      return {
        entry: family ? 'family' : 'code',
        identity: family ? { token: read.code.text, person_id: id } : { token: read.code.text },
        local: localOf(listed, person, listed?.name ?? ''),
        listed: standing(listed, this.roster),
      };
    });
    return { kind: 'people', people };
  }

  /** The person of a sound identity number, typed by hand or read from the card; with a name: a walk-in. */
  ofDocument(number: string, entry: 'id' | 'card' | 'walk_in', more: Readonly<{ name?: string; phone?: string }> = {}): Candidate {
    const listed = this.roster?.ofDocument(number) ?? null;
    const person = listed?.key ?? this.roster?.strangerKey('document', number);
    const label = more.name === undefined ? maskedNumber(number) : maskedName(more.name);
    return { entry, identity: { id_type: 'resident_id', id_number: number, ...more }, local: localOf(listed, person, label), listed: standing(listed, this.roster) };
  }

  /** Somebody with a name only. The server adds them to the list with a trace. */
  ofName(name: string, phone: string): Candidate {
    const identity = phone === '' ? { name } : { name, phone };
    return { entry: 'walk_in', identity, local: { label: maskedName(name), found: true }, listed: 'no' };
  }

  /** What is wrong with a typed number today, or nothing. */
  numberProblem(text: string): ReturnType<typeof residentId> {
    return residentId(text, new Date(this.ports.now() + 8 * BACKWARDS).toISOString().slice(0, 10));
  }
}

function localOf(listed: Listed | null, person: string | undefined, label: string): Local {
  return {
    ...(person === undefined ? {} : { person }),
    ...(listed === null || listed.household === '00000000' ? {} : { household: listed.household }),
    label,
    single: listed?.mode === 'single',
    found: listed === null,
    ...(listed?.green === true ? { green: true } : {}),
  };
}

function standing(listed: Listed | null, roster: Roster | null): Candidate['listed'] {
  if (roster === null || roster.size === 0) return null;
  if (listed === null) return 'no';
  if (listed.state === 'sampled' || listed.state === 'resulted') return 'sampled';
  return listed.elsewhere ? 'elsewhere' : 'due';
}

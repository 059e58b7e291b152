import type { Collection } from 'dexie';

import { uuid7 } from '@/rules/uuid7';
import type { Draft, Fact } from '@/rules/station';

import type { Entry, Sender, StationDb, Status } from './db';

/** Ten random bytes; handed in, so that tests can seed them. */
export type Chance = () => Uint8Array;
export const chance: Chance = () => crypto.getRandomValues(new Uint8Array(10));

export type Verdict = Readonly<{ id: string; verdict: string; first?: string; code?: string; says?: string }>;
/** `hub`: how many of those that wait lie on a hub as well. */
export type Counts = Readonly<{ waiting: number; parked: number; stuck: number; applied: number; hub: number }>;
export type Beat = Readonly<{ waiting: number; stuck: number; restored_at?: string }>;
export type Restored = Readonly<{ at: number; known: number; server: number }>;

/** Fields that say who somebody is. The server has them once it has given its verdict; the phone then lets go of them. */
const PERSONAL = ['id_number', 'name', 'phone', 'token'];

/** How long a phone can still show what it did in an earlier round. Housekeeping of a phone, no rule of the field. */
export const KEPT_DAYS = 7;

export const seqKey = (device: string): string => `seq ${device}`;
export const restoredKey = (device: string): string => `restored ${device}`;

/** The phone's own journal: everything it did, in order, each with the server's verdict or waiting for it. */
export class Journal {
  constructor(
    readonly db: StationDb,
    private readonly random: Chance = chance,
  ) {}

  newId(at: number): string {
    return uuid7(at, this.random());
  }

  /**
   * Stores what was done, all or nothing. When the promise resolves it is on the disk; only then may a screen say so.
   * Numbers run on without a gap, also with several pages open, because the counter lies in the same transaction.
   */
  async record(drafts: readonly Draft[], given: Readonly<{ device: string; round: string; at: number }>): Promise<Entry[]> {
    const { db } = this;
    return db.transaction('rw', db.journal, db.meta, async () => {
      const last = (await db.get<number>(seqKey(given.device))) ?? 0;
      const entries = drafts.map((draft, place): Entry => ({
        id: this.newId(given.at),
        device: given.device,
        seq: last + 1 + place,
        round: given.round,
        kind: draft.kind,
        at: given.at,
        payload: draft.payload,
        ...(draft.local === undefined ? {} : { local: draft.local }),
        status: 'waiting',
      }));
      await db.journal.bulkAdd(entries);
      await db.put(seqKey(given.device), last + entries.length);
      return entries;
    });
  }

  /** What this device did in a round, in order: the fold of it is the station's state. */
  async facts(device: string, round: string): Promise<Fact[]> {
    const rows = await this.db.journal
      .where('[device+round+seq]')
      .between([device, round, 0], [device, round, Infinity])
      .toArray();
    return rows.map((row) => ({ kind: row.kind, at: row.at, payload: row.payload, ...(row.local === undefined ? {} : { local: row.local }) }) as Fact);
  }

  async senders(): Promise<Sender[]> {
    return this.db.senders.toArray();
  }

  waiting(device: string, limit: number): PromiseLike<Entry[]> {
    return this.ofStatus(device, 'waiting').limit(limit).toArray();
  }

  private atHub(device: string): Collection<Entry, string> {
    return this.ofStatus(device, 'waiting').filter((entry) => entry.kept !== undefined);
  }

  /** What waits and this hub does not have. */
  notAt(hub: string, device: string, limit: number): PromiseLike<Entry[]> {
    return this.ofStatus(device, 'waiting').filter((entry) => entry.kept !== hub).limit(limit).toArray();
  }

  /** Whether something of this device waits that a hub has: its verdict may come from there. */
  async holds(device: string): Promise<boolean> {
    return (await this.atHub(device).first()) !== undefined;
  }

  /** A hub has these on its disk. They go on waiting. */
  async keptAt(hub: string, ids: readonly string[]): Promise<void> {
    const { db } = this;
    await db.transaction('rw', db.journal, () => db.journal.where('id').anyOf([...ids]).filter((entry) => entry.status === 'waiting').modify({ kept: hub }));
  }

  private ofStatus(device: string, status: Status): Collection<Entry, string> {
    return this.db.journal.where('[device+status+seq]').between([device, status, 0], [device, status, Infinity]);
  }

  /** Entries over all senders that are not simply done: for the badge and its list. */
  async open(status: 'waiting' | 'parked' | 'stuck'): Promise<Entry[]> {
    const lists = await Promise.all((await this.senders()).map((sender) => this.ofStatus(sender.device, status).toArray()));
    return lists.flat();
  }

  async counts(): Promise<Counts> {
    const sums = { waiting: 0, parked: 0, stuck: 0, applied: 0, hub: 0 };
    for (const sender of await this.senders()) {
      for (const status of ['waiting', 'parked', 'stuck', 'applied'] as const) sums[status] += await this.ofStatus(sender.device, status).count();
      sums.hub += await this.atHub(sender.device).count();
    }
    return sums;
  }

  /** What the phone tells of itself with each request: what still waits beside what is sent, what is stuck, a restored backup. */
  async beat(device: string, sent: number): Promise<Beat> {
    const restored = await this.db.get<Restored>(restoredKey(device));
    const waiting = await this.ofStatus(device, 'waiting').count();
    return {
      waiting: Math.max(waiting - sent, 0),
      stuck: await this.ofStatus(device, 'stuck').count(),
      ...(restored === undefined ? {} : { restored_at: new Date(restored.at).toISOString() }),
    };
  }

  /** Takes the server's verdicts. An entry without one stays as it is. Says how many were settled. */
  async settle(verdicts: readonly Verdict[]): Promise<number> {
    const { db } = this;
    return db.transaction('rw', db.journal, async () => {
      let settled = 0;
      for (const verdict of verdicts) {
        const status = statusOf(verdict);
        const entry = status === null ? undefined : await db.journal.get(verdict.id);
        if (status === null || entry === undefined || entry.status === 'applied') continue;
        await db.journal.put({ ...entry, ...reasonOf(verdict), status, payload: withoutPerson(entry.payload) });
        settled += 1;
      }
      return settled;
    });
  }

  async mark(id: string, status: 'waiting' | 'stuck', code = ''): Promise<void> {
    await this.db.journal.update(id, { status, code });
  }

  /**
   * Lets go of what the server has of other rounds than this one, once it is `KEPT_DAYS` old. Whatever has no verdict, was
   * parked or is stuck stays, however old. Says how many went.
   */
  async prune(round: string, now: number): Promise<number> {
    const { db } = this;
    const before = now - KEPT_DAYS * 86_400_000;
    return db.transaction('rw', db.journal, db.senders, async () => {
      let gone = 0;
      for (const { device } of await db.senders.toArray()) {
        gone += await this.ofStatus(device, 'applied').filter((entry) => entry.round !== round && entry.at < before).delete();
      }
      return gone;
    });
  }

  /** Whoever looks at the stuck ones may have them sent once more. */
  async freeStuck(): Promise<void> {
    for (const entry of await this.open('stuck')) await this.mark(entry.id, 'waiting');
  }

  /**
   * Compares the highest number the server has heard from this phone with the highest it has ever given out. The server
   * knowing more means: this is an older copy of the phone (a restored backup). Numbers then go on above the server's.
   */
  async compare(device: string, server: number, at: number): Promise<Restored | null> {
    const { db } = this;
    return db.transaction('rw', db.meta, async () => {
      const known = (await db.get<number>(seqKey(device))) ?? 0;
      if (server <= known) return null;
      const restored = { at, known, server };
      await db.put(restoredKey(device), restored);
      await db.put(seqKey(device), server);
      return restored;
    });
  }
}

function statusOf(verdict: Verdict): 'applied' | 'parked' | null {
  const said = verdict.verdict === 'duplicate' ? (verdict.first ?? 'applied') : verdict.verdict;
  return said === 'applied' || said === 'parked' ? said : null;
}

function reasonOf(verdict: Verdict): Partial<Pick<Entry, 'code' | 'says'>> {
  return { ...(verdict.code === undefined ? {} : { code: verdict.code }), ...(verdict.says === undefined ? {} : { says: verdict.says }) };
}

function withoutPerson(payload: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(payload).filter(([name]) => !PERSONAL.includes(name)));
}

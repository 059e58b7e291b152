import { exportQueue, importQueue, spokenCode } from '@/offline/carry';
import { StationCore } from '@/offline/core';
import { StationDb, type Entry, type Sender } from '@/offline/db';
import { Hubs } from '@/offline/hub';
import { Journal, type Chance } from '@/offline/journal';
import { Sync } from '@/offline/sync';
import type { Draft, Station } from '@/rules/station';

import { Careless } from '../careless';
import { seeded } from '../seeded';

import { leaveRoom, losePower } from './disk';
import { drafted, type Deed } from './hand';

/**
 * One phone: the station's real core on a disk that outlives it, and beside it what its user was told. The campaign compares
 * the second with what the server holds; it is kept apart from the queue on purpose.
 */

/** How the phone was built: `sound`, or broken in a way that the campaign has to find. */
export type Build = 'sound' | 'deletes_on_send' | 'hasty' | 'lets_go_at_hub';
export type Step =
  | Deed
  | Readonly<{ do: 'wait'; ms: number }>
  | Readonly<{ do: 'die'; ticks: number; power: boolean; during: Deed | null }>
  | Readonly<{ do: 'clock'; ms: number }>
  | Readonly<{ do: 'full'; writes: number }>
  | Readonly<{ do: 'room' | 'refresh' | 'backup' | 'restore' }>
  | Readonly<{ do: 'carry'; to: string }>;
/** Something the user did: confirmed once the screen said so. */
interface Told { drafts: readonly Draft[]; confirmed: boolean; error: string }
interface Copy { journal: Entry[]; senders: Sender[]; meta: { key: string; value: unknown }[] }

/** Waits of the sync run so much faster than a phone's: a schedule is a day in a few seconds. */
const PACE = 0.05;
const tick = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
export const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Broken on purpose: what a hub has is as good as uploaded. */
class Trusting extends Journal {
  override async keptAt(_hub: string, ids: readonly string[]): Promise<void> {
    await this.db.journal.bulkDelete([...ids]);
  }
}

const BUILDS: Partial<Record<Build, typeof Journal>> = { deletes_on_send: Careless, lets_go_at_hub: Trusting };

class Life {
  readonly end = new AbortController();
  readonly db: StationDb;
  readonly journal: Journal;
  readonly core: StationCore;
  readonly hubs: Hubs;
  readonly sync: Sync;
  constructor(phone: Phone) {
    const { now, chance, random } = phone;
    this.db = new StationDb(phone.name);
    this.journal = new (BUILDS[phone.build] ?? Journal)(this.db, chance);
    const fetch = (path: string, init: RequestInit): Promise<Response> => this.send(phone, path, init);
    this.core = new StationCore(this.db, this.journal, { fetch, now, chance });
    const language = (): string => 'zh';
    this.hubs = new Hubs(this.journal, { fetch, now, language, random: (length) => crypto.getRandomValues(new Uint8Array(length)) });
    this.sync = new Sync(this.journal, { fetch, now, random, language, sleep: (ms, signal) => this.nap(ms, signal) }, (found) => { this.core.restored = found; }, this.hubs);
    this.core.onChange(() => { this.sync.kick(); });
    this.core.onUnstored(() => { phone.refused += 1; });
  }

  get dead(): boolean {
    return this.end.signal.aborted;
  }

  private send(phone: Phone, path: string, init: RequestInit): Promise<Response> {
    const signals = [this.end.signal, ...(init.signal ? [init.signal] : [])];
    const headers = new Headers(init.headers);
    const own = path.startsWith('/');
    if (own) headers.set('X-Phone', phone.name);
    return fetch(own ? `${phone.url}${path}` : path, { ...init, headers, signal: AbortSignal.any(signals) });
  }

  private nap(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || this.dead) { resolve(); return; }
      const timer = setTimeout(resolve, Math.max(1, ms * PACE));
      for (const ending of [signal, this.end.signal]) ending.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
    });
  }

  /** As the page does: begun once. Where it ends by itself the phone is silent until somebody opens it anew. */
  run(ended: (error: unknown) => void): void {
    this.sync.run(this.end.signal).catch((error: unknown) => { if (!this.dead) ended(error); });
  }

  /** `power`: what the disk had not taken yet is lost; without, the page ends and its last transaction does not. */
  die(power: boolean): void {
    this.end.abort();
    if (power) losePower(this.db.backendDB());
    this.db.close({ disableAutoOpen: true });
  }
}

export class Phone {
  readonly told: Told[] = [];
  readonly log: string[] = [];
  readonly wrong: string[] = [];
  readonly ids = new Set<string>();
  readonly random: () => number;
  readonly chance: Chance;
  readonly now = (): number => Date.now() + this.offset;
  stuck = 0;
  refused = 0;
  private offset = 0;
  private life: Life;
  private copy: Copy | null = null;
  private readonly seen = new Map<string, Entry>();

  constructor(readonly name: string, readonly url: string, seed: number, readonly build: Build, private readonly others: ReadonlyMap<string, Phone>) {
    this.random = seeded(seed);
    // Ids are of this phone's life alone: a seed played twice on one server must not bring the same ids again.
    this.chance = () => crypto.getRandomValues(new Uint8Array(10));
    this.life = new Life(this);
  }

  get journal(): Journal {
    return this.life.journal;
  }

  /** Binds the phone and fetches its pack; tries again as its user would. */
  async bind(token: string): Promise<void> {
    await this.insist('bind', () => this.life.core.enrol(token, this.name));
    await this.insist('pack', async () => { await this.life.core.refresh(); });
    this.begin();
  }

  private async insist(what: string, job: () => Promise<void>): Promise<void> {
    for (let left = 40; ; left -= 1) {
      try {
        await job();
        return;
      } catch (error) {
        this.log.push(`${what}: ${String(error)}`);
        if (left === 0) throw error;
        await pause(100);
      }
    }
  }

  /** Somebody holds it before the code of a hub. */
  async hears(url: string): Promise<void> {
    if ((await this.life.hubs.add(url)) === null) throw new Error(`no hub at ${url}`);
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      await this.step(step);
      await this.look();
    }
  }

  private async step(step: Step): Promise<void> {
    switch (step.do) {
      case 'wait': await pause(step.ms); return;
      case 'clock': this.offset += step.ms; return;
      case 'full': leaveRoom(this.name, step.writes); return;
      case 'room': leaveRoom(this.name, null); return;
      case 'refresh': await this.life.core.refresh().catch((error: unknown) => this.log.push(`refresh: ${String(error)}`)); return;
      case 'die': await this.die(step); return;
      case 'carry': await this.carry(step.to); return;
      case 'backup': this.copy = await this.copied(); return;
      case 'restore': await this.restore(); return;
      default: await this.act(step);
    }
  }

  /** What the user does. Only what the core has resolved counts as said on the screen. */
  private async act(deed: Deed): Promise<void> {
    const { life } = this;
    for (const build of drafted(deed, life.core)) {
      const told: Told = { drafts: [], confirmed: false, error: '' };
      const noted = (station: Station, at: number): readonly Draft[] => {
        told.drafts = build(station, at);
        if (told.drafts.length > 0) this.told.push(told);
        if (this.build === 'hasty') told.confirmed = told.drafts.length > 0;
        return told.drafts;
      };
      const refused = this.refused;
      try {
        const done = await life.core.act(noted);
        if (!life.dead) told.confirmed = done > 0;
      } catch (error) {
        told.error = String(error);
        this.log.push(`${deed.do}: ${told.error}`);
        await life.core.settled();
        if (!life.dead && this.refused === refused) this.wrong.push(`${deed.do} was not stored and nobody was told`);
        return;
      }
    }
  }

  private async die({ ticks, power, during }: Step & { do: 'die' }): Promise<void> {
    const doing = during === null ? null : this.act(during);
    for (let left = ticks; left > 0; left -= 1) await tick();
    this.life.die(power);
    await Promise.race([doing, pause(200)]);
    await this.wake();
  }

  private async wake(): Promise<void> {
    this.life = new Life(this);
    await this.life.core.load();
    this.begin();
  }

  private begin(): void {
    this.life.run((error) => { this.wrong.push(`the sync ended by itself: ${String(error)}`); });
  }

  private async carry(to: string): Promise<void> {
    const other = this.others.get(to);
    if (other === undefined) return;
    const code = spokenCode(crypto.getRandomValues(new Uint8Array(12)));
    const file = await exportQueue(this.journal, code, (length) => crypto.getRandomValues(new Uint8Array(length)));
    for (let times = 0; times < 2; times += 1) {
      const carried = await importQueue(other.journal, file, code).catch((error: unknown) => { this.log.push(`carry: ${String(error)}`); return []; });
      this.log.push(`carried ${carried.map((one) => one.fresh).join()}`);
    }
    other.life.sync.kick();
  }

  private async copied(): Promise<Copy> {
    const { db } = this.life;
    return { journal: await db.journal.toArray(), senders: await db.senders.toArray(), meta: await db.meta.toArray() };
  }

  /** An older copy of the phone comes back, once all that was done since is on the server. */
  private async restore(): Promise<void> {
    const { copy } = this;
    if (copy === null || !(await this.drain(8_000))) { this.log.push('nothing restored'); return; }
    this.life.die(false);
    const db = new StationDb(this.name);
    await db.transaction('rw', db.journal, db.senders, db.meta, async () => {
      for (const table of [db.journal, db.senders, db.meta]) await table.clear();
      await db.journal.bulkPut(copy.journal);
      await db.senders.bulkPut(copy.senders);
      await db.meta.bulkPut(copy.meta);
    });
    db.close();
    this.seen.clear();
    this.log.push(`restored to ${copy.journal.length} entries`);
    await this.wake();
  }

  /** Looks at the disk: nothing that was there without a verdict may be gone, no verdict may be taken back. */
  private async look(): Promise<void> {
    const rows = await this.life.db.journal.toArray();
    const now = new Map(rows.map((row) => [row.id, row]));
    for (const [id, before] of this.seen) {
      const entry = now.get(id);
      if (entry === undefined && before.status !== 'applied') this.wrong.push(`${before.kind} ${id} is gone without a verdict (${before.status})`);
      if (before.status === 'applied' && entry !== undefined && entry.status !== 'applied') this.wrong.push(`${id} was applied and is ${entry.status}`);
      if (entry === undefined) this.seen.delete(id);
    }
    for (const row of rows) {
      this.seen.set(row.id, row);
      this.ids.add(row.id);
    }
  }

  /** Until everything has a verdict, or the time is over. What is stuck is sent again, as somebody who looks would have it. */
  async drain(ms: number): Promise<boolean> {
    const until = Date.now() + ms;
    for (;;) {
      const { waiting, stuck } = await this.journal.counts();
      if (waiting + stuck === 0) return true;
      if (stuck > 0) {
        this.stuck += stuck;
        await this.journal.freeStuck();
      }
      if (Date.now() > until) return false;
      this.life.sync.kick();
      await pause(25);
    }
  }

  async report(): Promise<Record<string, unknown>> {
    await this.look();
    const { life, told, log, wrong, ids, stuck } = this;
    return {
      devices: (await life.journal.senders()).filter((sender) => !sender.carried).map((sender) => sender.device),
      entries: await life.db.journal.toArray(), counts: await life.journal.counts(), restored: life.core.restored,
      told, log, wrong, ids: [...ids], stuck, phase: life.sync.state, hubs: await life.hubs.known(),
    };
  }

  async drop(): Promise<void> {
    leaveRoom(this.name, null);
    this.life.die(false);
    await this.life.db.delete();
  }
}

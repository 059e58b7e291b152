import { describe, expect, it, vi } from 'vitest';

import type { Entry } from '@/offline/db';
import { Journal } from '@/offline/journal';
import { retryAfter } from '@/offline/sync';

import { Careless } from '../careless';

import { aPhone, aSwab, aSync, given, NOW, seeded, Server } from './stage';

const swabs = (count: number) => Array.from({ length: count }, (_, n) => aSwab(n));

describe('sending', () => {
  it('gives every entry once, in order, and lets it go on its verdict', async () => {
    const { journal } = await aPhone();
    const server = new Server();
    const { sync } = aSync(journal, (init) => server.receive(init));
    await journal.record(swabs(12), given());
    expect(await sync.step()).toBe(0);
    expect(server.requests[0]!.commands.map((command) => command.seq)).toEqual(Array.from({ length: 12 }, (_, n) => n + 1));
    expect(server.requests[0]!.headers.get('Authorization')).toBe('Device phone-a:secret of phone-a');
    expect(await journal.counts()).toEqual({ waiting: 0, parked: 0, stuck: 0, applied: 12, hub: 0 });
    expect(sync.state).toMatchObject({ phase: 'idle', skewMs: 60_000, error: '' });
    await sync.step();
    expect(server.requests.length).toBe(1);
  });

  it('tells beside its commands what still waits on the phone, and that it was restored from a backup', async () => {
    const { journal } = await aPhone();
    const bodies: { commands: unknown[]; beat: { waiting: number; stuck: number; restored_at?: string } }[] = [];
    const server = new Server();
    const { sync } = aSync(journal, (init) => { bodies.push(JSON.parse(init.body as string) as (typeof bodies)[0]); return server.receive(init); });
    await journal.record(swabs(520), given());
    await sync.step();
    expect(bodies[0]!.commands).toHaveLength(500);
    expect(bodies[0]!.beat).toEqual({ waiting: 20, stuck: 0 });
    await journal.compare(given().device, 9_000, NOW);
    await sync.step();
    expect(bodies[1]!.beat).toEqual({ waiting: 0, stuck: 0, restored_at: new Date(NOW).toISOString() });
  });

  it('waits longer each time while there is no network, and loses nothing', async () => {
    const { journal } = await aPhone();
    const server = new Server();
    let down = true;
    const { sync } = aSync(journal, (init) => { if (down) throw new TypeError('failed to fetch'); return server.receive(init); });
    await journal.record(swabs(3), given());
    const waits = [];
    for (let n = 0; n < 9; n += 1) waits.push(await sync.step());
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect(sync.state.phase).toBe('offline');
    expect((await journal.counts()).waiting).toBe(3);
    down = false;
    await sync.step();
    expect((await journal.counts()).applied).toBe(3);
  });

  it('sends again after a lost answer, and the server still has it once', async () => {
    const { journal } = await aPhone();
    const server = new Server();
    let lose = 1;
    const { sync } = aSync(journal, (init) => {
      const answer = server.receive(init);
      lose -= 1;
      if (lose >= 0) throw new TypeError('connection reset');
      return answer;
    });
    await journal.record(swabs(5), given());
    await sync.step();
    expect([server.kept.size, (await journal.counts()).waiting]).toEqual([5, 5]);
    await sync.step();
    expect([server.kept.size, (await journal.counts()).applied]).toEqual([5, 5]);
  });

  it.each([[429, '7', 7000, 'busy'], [503, '2', 2000, 'offline'], [429, null, 500, 'busy']])('does as it is told by %s with Retry-After %s', async (status, header, wait, phase) => {
    const { journal } = await aPhone();
    const { sync } = aSync(journal, () => new Response('{}', { status, headers: header === null ? {} : { 'Retry-After': header } }));
    await journal.record(swabs(2), given());
    expect(await sync.step()).toBe(wait);
    expect(sync.state.phase).toBe(phase);
    expect((await journal.counts()).waiting).toBe(2);
  });

  it('runs by itself: sends what is recorded at once, but does not run against a wait it was told', async () => {
    const { journal } = await aPhone();
    const server = new Server();
    let busy = false;
    let asked = 0;
    const naps: { ms: number; wake: () => void }[] = [];
    const { sync } = aSync(journal, (init) => {
      asked += 1;
      return busy ? new Response('{}', { status: 429, headers: { 'Retry-After': '30' } }) : server.receive(init);
    }, {
      sleep: (ms, signal) => new Promise((resolve) => {
        if (ms < 1000) { resolve(); return; } // the moment that gathers what belongs together
        naps.push({ ms, wake: resolve });
        signal.addEventListener('abort', () => { resolve(); });
      }),
    });
    const ended = new AbortController();
    const running = sync.run(ended.signal);
    await expect.poll(() => naps.length).toBe(1);
    await journal.record(swabs(2), given());
    sync.kick();
    await expect.poll(() => server.kept.size).toBe(2);
    await expect.poll(() => naps.length).toBe(2);
    busy = true;
    await journal.record([aSwab(8)], given());
    sync.kick();
    await expect.poll(() => naps.length).toBe(3);
    expect(naps[2]!.ms).toBe(30_000);
    const before = asked;
    for (let n = 0; n < 20; n += 1) sync.kick();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked).toBe(before);
    busy = false;
    sync.now();
    await expect.poll(() => server.kept.size).toBe(3);
    ended.abort();
    await running;
  });

  it('goes on after a disk that was too full to take a verdict down', async () => {
    const { journal } = await aPhone();
    const server = new Server();
    const naps: number[] = [];
    const ended = new AbortController();
    const { sync } = aSync(journal, (init) => server.receive(init), {
      sleep: (ms) => {
        naps.push(ms);
        if (naps.length === 3) full.mockRestore();
        if (naps.length === 5) ended.abort();
        return Promise.resolve();
      },
    });
    await journal.record(swabs(2), given());
    const full = vi.spyOn(journal, 'settle').mockRejectedValue(new DOMException('full', 'QuotaExceededError'));
    const states: string[] = [];
    sync.onChange(() => { states.push(`${sync.state.phase} ${sync.state.error}`); });
    await sync.run(ended.signal);
    expect(naps.slice(0, 3)).toEqual([500, 1000, 2000]);
    expect(states).toContain('full disk');
    expect(sync.state).toMatchObject({ phase: 'idle', error: '' });
    expect(await journal.counts()).toEqual({ waiting: 0, parked: 0, stuck: 0, applied: 2, hub: 0 });
    expect([...server.kept.values()].map((row) => row.arrivals)).toEqual([4, 4]);
  });

  it('reads a date in Retry-After', () => {
    const answer = new Response('', { headers: { 'Retry-After': new Date(NOW + 9000).toUTCString() } });
    expect(retryAfter(answer, NOW)).toBe(9000);
    expect(retryAfter(new Response('', { headers: { 'Retry-After': 'soon' } }), NOW)).toBeNull();
  });

  it('sends less at once when the server says it is too much', async () => {
    const { journal } = await aPhone();
    const server = new Server();
    server.most = 3;
    const { sync } = aSync(journal, (init) => server.receive(init));
    await journal.record(swabs(10), given());
    for (let n = 0; n < 40; n += 1) await sync.step();
    expect(await journal.counts()).toEqual({ waiting: 0, parked: 0, stuck: 0, applied: 10, hub: 0 });
    expect([...server.kept.values()].every((row) => row.arrivals === 1)).toBe(true);
  });

  it('takes 49 applied and 1 parked from a batch with one poisoned command', async () => {
    const { journal } = await aPhone();
    const server = new Server();
    const made = await journal.record(swabs(50), given());
    server.poison.add(made[20]!.id);
    const { sync } = aSync(journal, (init) => server.receive(init));
    await sync.step();
    expect(await journal.counts()).toEqual({ waiting: 0, parked: 1, stuck: 0, applied: 49, hub: 0 });
    expect((await journal.open('parked'))[0]).toMatchObject({ id: made[20]!.id, code: 'access.payload_malformed', says: 'x' });
    await sync.step();
    expect(server.requests.length).toBe(1); // nothing is tried for ever
  });

  it('isolates an entry that the server cannot even read: the rest goes through, it is kept and shown', async () => {
    const { journal } = await aPhone();
    const server = new Server();
    const made = await journal.record(swabs(9), given());
    const bad = made[4]!.id;
    const { sync } = aSync(journal, (init) => ((init.body as string).includes(bad) ? Response.json({ code: 'access.unexpected' }, { status: 500 }) : server.receive(init)));
    for (let n = 0; n < 60; n += 1) await sync.step();
    expect(await journal.counts()).toEqual({ waiting: 0, parked: 0, stuck: 1, applied: 8, hub: 0 });
    expect((await journal.open('stuck'))[0]).toMatchObject({ id: bad, code: 'access.unexpected' });
    const seen = server.requests.length;
    await sync.step();
    expect(server.requests.length).toBe(seen);
    await journal.freeStuck();
    expect((await journal.counts()).waiting).toBe(1);
  });

  it.each([
    ["a hotel's sign-in page", () => new Response('<html>welcome</html>', { status: 200 })],
    ['verdicts on something else', () => Response.json({ verdicts: [{ id: 'x', verdict: 'applied' }] })],
    ['half an answer', () => new Response('{"verdicts": [{"id": "', { status: 200 })],
    ['no verdicts', () => Response.json({ verdicts: [] })],
  ])('keeps everything when the answer is %s', async (_name, answer) => {
    const { journal } = await aPhone();
    const { sync } = aSync(journal, answer);
    await journal.record(swabs(4), given());
    const first = await sync.step();
    expect(await sync.step()).toBeGreaterThan(first);
    expect((await journal.counts()).waiting).toBe(4);
  });

  it('shut out, it keeps its queue and asks seldom; another sender is not held up', async () => {
    const { db, journal } = await aPhone();
    await db.senders.put({ device: 'phone-z', secret: 's', name: 'z', own: 0, carried: true });
    await journal.record(swabs(2), given());
    await journal.record([aSwab(9)], given('phone-z'));
    const server = new Server();
    const { sync } = aSync(journal, (init) =>
      new Headers(init.headers).get('Authorization')!.includes('phone-a') ? Response.json({ code: 'access.sign_in_required' }, { status: 401 }) : server.receive(init));
    expect(await sync.step()).toBe(60_000);
    expect(sync.state).toMatchObject({ phase: 'shut_out', error: 'access.sign_in_required' });
    expect(await journal.counts()).toMatchObject({ waiting: 2, applied: 1 });
  });
});

describe('a phone restored from an old backup', () => {
  it('is told by the numbers the server has heard, goes on above them, and says so once', async () => {
    const server = new Server();
    const old = await aPhone();
    await old.journal.record(swabs(3), given());
    const { sync: before } = aSync(old.journal, (init) => server.receive(init));
    await before.step();
    // the backup is from before all that: the same device, an empty journal
    const { journal, db } = await aPhone('phone-a', 2);
    const { sync, restored } = aSync(journal, (init) => server.receive(init));
    await journal.record([aSwab(7)], given());
    await sync.step();
    expect(restored).toHaveBeenCalledExactlyOnceWith({ at: expect.any(Number) as number, known: 1, server: 3 });
    expect(await db.get('restored phone-a')).toMatchObject({ known: 1, server: 3 });
    expect((await journal.record([aSwab(8)], given()))[0]!.seq).toBe(4);
    await sync.step();
    expect(restored).toHaveBeenCalledTimes(1);
    expect(server.kept.size).toBe(5);
  });
});

interface Ended { lost: string[]; doubled: string[]; waiting: number }

/** Twelve actions of a phone on a bad line, then a good one: what the server has of them, told by their content. */
async function schedule(seed: number, clientOf: (journal: Journal) => Journal): Promise<Ended> {
  const { journal, random } = await aPhone('phone-a', seed);
  const client = clientOf(journal);
  const server = new Server();
  const luck = seeded(seed * 7919);
  let calm = false;
  const { sync } = aSync(client, (init) => {
    const dice = calm ? 1 : luck();
    if (dice < 0.2) throw new TypeError('no network');
    if (dice < 0.3) return new Response('', { status: 429, headers: { 'Retry-After': '1' } });
    if (dice < 0.35) return new Response('oops', { status: 502 });
    const answer = server.receive(init);
    if (dice < 0.5) throw new TypeError('answer lost');
    if (dice < 0.55) return new Response('{"verdi', { status: 200 });
    return answer;
  });
  const confirmed: string[] = [];
  for (let n = 0; n < 12; n += 1) {
    const drafts = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, place) => aSwab(100 * n + place));
    await client.record(drafts, given('phone-a', NOW + n));
    confirmed.push(...drafts.map((draft) => JSON.stringify(draft.payload)));
    if (luck() < 0.6) await sync.step();
  }
  calm = true;
  for (let n = 0; n < 5; n += 1) await sync.step();
  const held = [...server.kept.values()].map((row) => JSON.stringify((JSON.parse(row.text) as unknown[])[2]));
  return {
    lost: confirmed.filter((one) => !held.includes(one)),
    doubled: confirmed.filter((one) => held.filter((other) => other === one).length > 1),
    waiting: (await client.counts()).waiting,
  };
}

/** Gives what it sends again a new id each time. */
class Renaming extends Journal {
  override async waiting(device: string, limit: number): Promise<Entry[]> {
    const batch = (await super.waiting(device, limit)).map((entry) => ({ old: entry.id, entry: { ...entry, id: this.newId(entry.at) } }));
    await this.db.journal.bulkDelete(batch.map(({ old }) => old));
    await this.db.journal.bulkAdd(batch.map(({ entry }) => entry));
    return batch.map(({ entry }) => entry);
  }
}

describe('any network', () => {
  it('loses nothing and doubles nothing, whatever is cut, lost, slow or refused (60 schedules)', async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      expect(await schedule(seed, (journal) => journal), `seed ${seed}`).toEqual({ lost: [], doubled: [], waiting: 0 });
    }
  }, 120_000);

  it.each([['drops its queue before the verdict', Careless, 'lost'], ['sends again under new ids', Renaming, 'doubled']] as const)('is a test that catches a phone which %s', async (_name, Wrong, what) => {
    const ended: Ended[] = [];
    for (let seed = 1; seed <= 12; seed += 1) ended.push(await schedule(seed, (journal) => new Wrong(journal.db)));
    const caught = ended.filter((one) => one[what].length > 0).length;
    expect(caught).toBeGreaterThanOrEqual(10);
  }, 120_000);
});

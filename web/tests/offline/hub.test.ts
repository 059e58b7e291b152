import { describe, expect, it } from 'vitest';

import vector from '../../../vectors/hub.json';

import type { Journal } from '@/offline/journal';
import { addressOf, Hubs } from '@/offline/hub';
import { hexOf, hubKey, openAnswer, proof, sealRequest } from '@/offline/sealed';
import { Sync } from '@/offline/sync';

import { aPhone, aSwab, given, NOW, Server } from './stage';

const DEVICE = vector.device;
const HUB = { id: vector.hub, name: 'S', url: 'http://192.168.8.2:8100' };
const secret = `secret of ${DEVICE}`;
const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const text = new TextEncoder();

describe('what is sealed', () => {
  it('is what the server makes of it', () => {
    expect(hexOf(hubKey(vector.secret, vector.hub))).toBe(vector.hub_key);
    expect(hexOf(sealRequest(vector.secret, DEVICE, vector.plain, bytes(vector.salt)))).toBe(vector.sealed);
    expect(proof(bytes(vector.hub_key), 'keep', text.encode('7'), bytes(vector.sealed))).toBe(vector.proof);
    expect(openAnswer(vector.secret, DEVICE, bytes(vector.answer))).toBe(vector.plain);
  });
  it('opens for nobody else, and not where it was altered', () => {
    const altered = bytes(vector.answer);
    altered[altered.length - 1]! ^= 1;
    expect(openAnswer(vector.secret, DEVICE, altered)).toBeNull();
    expect(openAnswer('another', DEVICE, bytes(vector.answer))).toBeNull();
    expect(openAnswer(vector.secret, vector.hub, bytes(vector.answer))).toBeNull();
    expect(openAnswer(vector.secret, DEVICE, new Uint8Array(3))).toBeNull();
  });
});

describe('addresses', () => {
  it.each([
    ['192.168.8.2:8100', 'http://192.168.8.2:8100'], [' https://hub.example/hub#x ', 'https://hub.example'], ['http://[fe80::1]:8100', 'http://[fe80::1]:8100'],
    ['', null], ['hello', null], ['javascript://x.y', null], ['99000010120100301', null],
  ])('%s is read as %s', (typed, url) => {
    expect(addressOf(typed)).toBe(url);
  });
});

/** A hub that keeps what it gets; it opens nothing, so the test tells it what the county answered. */
class Relay {
  readonly kept: Uint8Array[] = [];
  answers: { no: number; sealed: string }[] = [];
  asked = 0;
  lies = false;

  receive(init: RequestInit): Response {
    this.asked += 1;
    const sealed = init.body as unknown as Uint8Array;
    const headers = new Headers(init.headers);
    const key = hubKey(secret, this.lies ? DEVICE : HUB.id);
    const after = headers.get('X-Yingjian-After')!;
    if (headers.get('X-Yingjian-Proof') !== proof(hubKey(secret, HUB.id), 'keep', text.encode(after), sealed)) return Response.json({ code: 'hub.proof_wrong' }, { status: 401 });
    if (sealed.length > 0) this.kept.push(sealed);
    return Response.json({ kept: proof(key, 'kept', sealed), answers: this.answers.filter((one) => one.no > Number(after)) });
  }
}

async function aStation(): Promise<{ journal: Journal; server: Server; relay: Relay; line: { county: boolean; hub: boolean }; sync: Sync; hubs: Hubs; tick: (ms: number) => void }> {
  const { journal, db } = await aPhone(DEVICE);
  await db.put('hubs', [HUB]);
  const [server, relay, line] = [new Server(), new Relay(), { county: false, hub: true }];
  let clock = NOW;
  const fetch = async (path: string, init: RequestInit): Promise<Response> => {
    await Promise.resolve();
    const hub = path.startsWith(HUB.url);
    if (!(hub ? line.hub : line.county)) throw new TypeError('failed to fetch');
    return hub ? relay.receive(init) : server.receive(init);
  };
  const ports = { fetch, now: () => clock, language: () => 'zh' };
  const hubs = new Hubs(journal, { ...ports, random: (length) => crypto.getRandomValues(new Uint8Array(length)) });
  const sync = new Sync(journal, { ...ports, sleep: () => Promise.resolve(), random: () => 0 }, () => undefined, hubs);
  return { journal, server, relay, line, sync, hubs, tick: (ms) => { clock += ms; } };
}

const swabs = (count: number) => Array.from({ length: count }, (_, n) => aSwab(n));
const own = given(DEVICE);

describe('a station with a hub and no line', () => {
  it('gives the hub what waits, says so, and lets go of nothing', async () => {
    const { journal, relay, sync } = await aStation();
    await journal.record(swabs(3), own);
    await sync.step();
    expect(sync.state).toMatchObject({ phase: 'hub', retryAt: null });
    expect(await journal.counts()).toEqual({ waiting: 3, parked: 0, stuck: 0, applied: 0, hub: 3 });
    expect(relay.kept).toHaveLength(1);
    expect((await journal.waiting(DEVICE, 10))[0]!.payload).toHaveProperty('id_number');
    await journal.record(swabs(1), own);
    await sync.step(); // at once: the county's silence is no reason to wait
    expect(relay.kept).toHaveLength(2);
    expect((await journal.counts()).hub).toBe(4);
  });

  it('takes the county\'s verdicts from the hub, once, and only such as are the county\'s', async () => {
    const { journal, db } = await aPhone(vector.device);
    await db.senders.put({ device: DEVICE, secret: vector.secret, name: 'x', own: 1, carried: false });
    await db.put('hubs', [HUB]);
    const [entry] = await journal.record(swabs(1), own);
    await db.journal.delete(entry!.id);
    await db.journal.put({ ...entry!, id: vector.command });
    let after = '';
    const hubs = new Hubs(journal, {
      fetch: async (_path, init) => {
        await Promise.resolve();
        after = new Headers(init.headers).get('X-Yingjian-After')!;
        const sealed = btoa(String.fromCharCode(...bytes(vector.answer)));
        return Response.json({ kept: proof(hubKey(vector.secret, HUB.id), 'kept', init.body as unknown as Uint8Array), answers: [{ no: 4, sealed: btoa('forged') }, { no: 5, sealed }] });
      },
      now: () => NOW, language: () => 'zh', random: (length) => new Uint8Array(length),
    });
    await hubs.give();
    expect([after, await journal.counts()]).toEqual(['0', { waiting: 0, parked: 0, stuck: 0, applied: 1, hub: 0 }]);
    await journal.record(swabs(1), own);
    await hubs.give();
    expect(after).toBe('5');
  });

  it('believes nobody who cannot prove to be the hub', async () => {
    const { journal, relay, sync } = await aStation();
    relay.lies = true;
    await journal.record(swabs(2), own);
    await sync.step();
    expect(sync.state.phase).toBe('offline');
    expect((await journal.counts()).hub).toBe(0);
  });

  it('sends everything to the county when the line is back, whatever the hub has', async () => {
    const { journal, server, line, sync, tick } = await aStation();
    await journal.record(swabs(3), own);
    await sync.step();
    line.county = true;
    line.hub = false; // the laptop is gone, too
    tick(60_000);
    expect(await sync.step()).toBe(0);
    expect(server.kept.size).toBe(3);
    expect(await journal.counts()).toEqual({ waiting: 0, parked: 0, stuck: 0, applied: 3, hub: 0 });
  });

  it('goes to the county first, and not to the hub where the county is merely busy', async () => {
    const { journal, relay, line, sync, server } = await aStation();
    line.county = true;
    await journal.record(swabs(2), own);
    await sync.step();
    expect([server.kept.size, relay.asked]).toEqual([2, 0]);
  });

  it('waits as before where neither answers', async () => {
    const { journal, line, sync } = await aStation();
    line.hub = false;
    await journal.record(swabs(1), own);
    expect(await sync.step()).toBe(500);
    expect(sync.state).toMatchObject({ phase: 'offline', error: 'network' });
  });

  it('asks the county again where the clock was put back meanwhile', async () => {
    const { journal, server, line, sync, tick } = await aStation();
    line.hub = false;
    await journal.record(swabs(1), own);
    await sync.step();
    tick(-86_400_000);
    line.county = true;
    expect(await sync.step()).toBe(0);
    expect(server.kept.size).toBe(1);
  });

  it('gives another hub what only a lost one has', async () => {
    const { journal, relay, sync, hubs } = await aStation();
    await journal.record(swabs(2), own);
    await journal.keptAt('the lost one', (await journal.waiting(DEVICE, 9)).map((entry) => entry.id));
    await sync.step();
    expect([relay.kept.length, (await hubs.known())[0]!.id]).toEqual([1, HUB.id]);
  });
});

import { describe, expect, it } from 'vitest';

import vector from '../../../vectors/roster.json';

import { refresh, PackRefused, storedPack, storedRoster } from '@/offline/pack';
import { EMPTY, have, merge, RECORD, Roster, type Table } from '@/offline/roster';

import { aPhone, seeded } from './stage';

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const decoded = (text: string): Uint8Array => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const KEY = bytes(vector.key);
const full = merge(EMPTY, decoded(vector.body))!;

function holds(roster: Roster, people: typeof vector.people): void {
  expect(roster.size).toBe(people.length);
  for (const person of people) {
    const found = roster.ofPerson(person.person_id)!;
    const { mode, state, home, elsewhere, green, name } = found;
    expect({ mode, state, home, elsewhere, green, name }).toEqual({ mode: person.mode, state: person.state, home: person.home, elsewhere: person.elsewhere, green: person.green, name: person.shown });
    if (person.document !== null) expect(roster.ofDocument(person.document)).toEqual({ ...found, name: '' });
  }
}

describe('the roster (the cases that Python makes)', () => {
  it('finds everybody by code and by document, and reads the name by the code only', () => {
    const roster = new Roster(full.table, KEY);
    holds(roster, vector.people);
    expect(roster.ofPerson('0192f3a0-0000-7000-8000-0000000000ff')).toBeNull();
    expect(roster.ofDocument('990000199001010011')).toBeNull();
    const [one, two] = vector.people;
    expect(roster.ofPerson(one!.person_id)!.household).toBe(roster.ofPerson(two!.person_id)!.household);
    expect(roster.strangerKey('person', one!.person_id)).toBe(roster.ofPerson(one!.person_id)!.key);
  });

  it('says what it has as the server counts it, and a delta leads to the same as a fresh copy', () => {
    expect(have(full.table)).toBe(vector.have);
    const later = merge(full.table, decoded(vector.delta))!;
    expect(later.changed.length).toBe(2);
    holds(new Roster(later.table, KEY), vector.later);
    expect(new Roster(later.table, KEY).ofPerson(vector.people[0]!.person_id)).toBeNull();
  });

  it('takes no answer that does not add up', () => {
    const body = decoded(vector.body);
    expect(merge(EMPTY, decoded(vector.delta))).toBeNull();
    for (const cut of [0, 3, 100, body.length - 1]) expect(merge(EMPTY, body.subarray(0, cut))).toBeNull();
    const damaged = body.slice();
    damaged[560] = (damaged[560] ?? 0) ^ 1;
    expect(merge(EMPTY, damaged)).toBeNull();
  });

  it('indexes 100,000 people in moments and finds each of them', () => {
    const people = 100_000;
    const random = seeded(4);
    const sizes = Array.from({ length: 256 }, (_, n) => Math.floor(((n + 1) * people) / 256) - Math.floor((n * people) / 256));
    const buckets = sizes.map((size, n) => {
      const bucket = Uint8Array.from({ length: size * RECORD }, () => Math.floor(random() * 256));
      for (let at = 0; at < bucket.length; at += RECORD) bucket[at] = n;
      return bucket;
    });
    const table: Table = { buckets, marks: new Uint8Array(people) };
    const began = performance.now();
    expect(new Roster(table, KEY).size).toBe(people);
    expect(performance.now() - began).toBeLessThan(5_000); // a bound for a busy machine; a browser on a phone is measured elsewhere
  });
});

describe('the pack', () => {
  const pack = { hash_key: vector.key, round: { id: 'r' } };
  function aServer(): { asked: string[]; fetch: (path: string, init: RequestInit) => Promise<Response>; body: string } {
    const server = {
      asked: [] as string[],
      body: vector.body,
      fetch: (path: string, init: RequestInit): Promise<Response> => {
        const tag = path.includes('pack') ? '"p"' : `"${server.body.length}"`;
        const known = new Headers(init.headers).get('If-None-Match');
        server.asked.push(`${path} ${known ?? '-'}`);
        if (known === tag) return Promise.resolve(new Response(null, { status: 304 }));
        return Promise.resolve(path.includes('pack') ? Response.json(pack, { headers: { ETag: tag } }) : new Response(decoded(server.body) as BodyInit, { headers: { ETag: tag } }));
      },
    };
    return server;
  }

  it('is fetched whole, then asked for by tag, then only what differs', async () => {
    const { db } = await aPhone();
    const server = aServer();
    const sender = (await db.senders.toArray())[0]!;
    expect(await refresh(db, sender, server.fetch)).toMatchObject({ pack: true, roster: true });
    holds(await storedRoster(db, (await storedPack(db))!), vector.people);
    expect(await refresh(db, sender, server.fetch)).toEqual({ pack: false, roster: false, bytes: 0 });
    server.body = vector.delta;
    await refresh(db, sender, server.fetch);
    expect(server.asked.at(-1)).toContain(`?have=${vector.have}`);
    holds(await storedRoster(db, (await storedPack(db))!), vector.later);
  });

  it('asks for the whole again when a delta does not fit, and keeps the old one when there is no line', async () => {
    const { db } = await aPhone();
    const server = aServer();
    const sender = (await db.senders.toArray())[0]!;
    await refresh(db, sender, server.fetch);
    await db.buckets.put({ n: 5, records: new Uint8Array(RECORD) });
    server.body = vector.delta;
    await expect(refresh(db, sender, server.fetch)).rejects.toThrow(PackRefused); // a server that never sends the whole
    server.body = vector.body;
    await refresh(db, sender, server.fetch);
    holds(await storedRoster(db, (await storedPack(db))!), vector.people);
    await expect(refresh(db, sender, () => Promise.reject(new TypeError('no line')))).rejects.toThrow(TypeError);
    holds(await storedRoster(db, (await storedPack(db))!), vector.people);
  });
});

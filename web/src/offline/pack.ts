import type { PublicKeys } from '@/rules/resident-code';
import type { Limits } from '@/rules/station';
import type { Allotted } from '@/rules/scan';

import type { Sender, StationDb } from './db';
import { addsUp, EMPTY, have, merge, Roster, uuidBytes, type Table } from './roster';

/** What the server gives a station for a day without it. Fetched when there is a line; what is here stays valid without one. */
export type Pack = Readonly<{
  round: Readonly<{ id: string; name: string; no: number; state: string; window_start: string; window_end: string }>;
  station: Readonly<{ code: string; site: string; site_id: string; site_name: string; site_state: string; area: string }>;
  preset: Readonly<{
    code: string; version: string | number; sizes: readonly number[]; size: number; household: string; box_tubes: number;
    rotation_minutes: number | null; skew_minutes: number | null;
  }>;
  codes: Allotted;
  keys: readonly Readonly<{ id: string; public: string }>[];
  revoked: readonly string[];
  hash_key: string;
  /** Nodes that keep records where there is no line to the county; none in packs made before them. */
  hubs?: readonly Readonly<{ id: string; name: string; url: string }>[];
  as_of: string;
}>;

export type Fetch = (path: string, init: RequestInit) => Promise<Response>;
export type Refreshed = Readonly<{ pack: boolean; roster: boolean; bytes: number }>;

const PACK = 'pack';
const PACK_TAG = 'pack tag';
const ROSTER_TAG = 'roster tag';
const MARKS = 'roster marks';
const ROSTER_KEY = 'roster key';

export const storedPack = (db: StationDb): Promise<Pack | undefined> => db.get<Pack>(PACK);

export const limitsOf = (pack: Pack): Limits => ({ sizes: pack.preset.sizes, household: pack.preset.household });

/** The keys that residents' codes are verified with. */
export const keysOf = (pack: Pack): PublicKeys => new Map(pack.keys.map((key) => [key.id, uuidBytes(key.public)]));

async function storedTable(db: StationDb): Promise<Table> {
  const rows = await db.buckets.toArray();
  if (rows.length === 0) return EMPTY;
  const buckets = [...EMPTY.buckets];
  for (const row of rows) buckets[row.n] = row.records;
  const table = { buckets, marks: (await db.get<Uint8Array>(MARKS)) ?? new Uint8Array(0) };
  return addsUp(table) ? table : EMPTY;
}

export async function storedRoster(db: StationDb, pack: Pack): Promise<Roster> {
  const table = (await db.get<string>(ROSTER_KEY)) === pack.hash_key ? await storedTable(db) : EMPTY;
  return new Roster(table, uuidBytes(pack.hash_key));
}

/** Fetches what has changed of pack and roster. Raises `PackRefused` where the server has none for us, or the fetch's error. */
export async function refresh(db: StationDb, sender: Sender, fetch: Fetch): Promise<Refreshed> {
  const headers = { Authorization: `Device ${sender.device}:${sender.secret}` };
  const pack = await ask(fetch, '/api/stations/own/pack', headers, await db.get<string>(PACK_TAG));
  if (pack !== null) {
    const content = JSON.parse(new TextDecoder().decode(pack.body)) as Pack;
    await db.transaction('rw', db.meta, async () => {
      await db.put(PACK, content);
      await db.put(PACK_TAG, pack.tag);
    });
  }
  const key = (await storedPack(db))?.hash_key ?? '';
  const same = (await db.get<string>(ROSTER_KEY)) === key;
  const old = same ? await storedTable(db) : EMPTY;
  const path = '/api/stations/own/roster';
  const held = old.marks.length > 0; // a tag without its table must not keep us from getting it
  let answer = await ask(fetch, held ? `${path}?have=${have(old)}` : path, headers, held ? await db.get<string>(ROSTER_TAG) : undefined);
  let merged = answer === null ? null : merge(old, answer.body);
  if (answer !== null && merged === null) {
    answer = await ask(fetch, path, headers, undefined);
    merged = answer === null ? null : merge(EMPTY, answer.body);
    if (merged === null) throw new PackRefused('roster_unreadable');
  }
  if (answer !== null && merged !== null) await keep(db, merged.table, merged.changed, key, answer.tag);
  return { pack: pack !== null, roster: answer !== null, bytes: (pack?.body.length ?? 0) + (answer?.body.length ?? 0) };
}

async function keep(db: StationDb, table: Table, changed: readonly number[], key: string, tag: string): Promise<void> {
  await db.transaction('rw', db.meta, db.buckets, async () => {
    await db.buckets.bulkPut(changed.map((n) => ({ n, records: table.buckets[n] ?? new Uint8Array(0) })));
    await db.put(MARKS, table.marks);
    await db.put(ROSTER_KEY, key);
    await db.put(ROSTER_TAG, tag);
  });
}

/** The server answers, but has no pack for this phone. */
export class PackRefused extends Error {}

async function ask(fetch: Fetch, path: string, headers: Record<string, string>, tag: string | undefined): Promise<{ body: Uint8Array; tag: string } | null> {
  const answer = await fetch(path, { headers: tag === undefined ? headers : { ...headers, 'If-None-Match': tag }, credentials: 'omit', cache: 'no-store' });
  if (answer.status === 304) return null;
  if (!answer.ok) {
    const told = (await answer.json().catch(() => ({}))) as { code?: string };
    throw new PackRefused(told.code ?? `http_${answer.status}`);
  }
  return { body: new Uint8Array(await answer.arrayBuffer()), tag: answer.headers.get('ETag') ?? '' };
}

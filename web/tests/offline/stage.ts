import 'fake-indexeddb/auto';

import { vi } from 'vitest';

import codes from '../../../vectors/resident-codes.json';
import rosterVector from '../../../vectors/roster.json';

import { StationDb } from '@/offline/db';
import { Journal, type Chance } from '@/offline/journal';
import { Sync, type Ports } from '@/offline/sync';
import type { Draft } from '@/rules/station';

import { seeded } from '../seeded';

export { seeded };

/** A phone in Node: the real journal on an IndexedDB, and a server that keeps commands as `access.journal` does. */

export const NOW = Date.parse('2026-06-01T08:00:00Z');

let databases = 0;

export async function aPhone(device = 'phone-a', seed = 1): Promise<{ db: StationDb; journal: Journal; random: () => number }> {
  databases += 1;
  const db = new StationDb(`test ${databases}`);
  const random = seeded(seed);
  const chance: Chance = () => Uint8Array.from({ length: 10 }, () => Math.floor(random() * 256));
  await db.senders.put({ device, secret: `secret of ${device}`, name: device, own: 1, carried: false });
  return { db, journal: new Journal(db, chance), random };
}

export const aSwab = (n: number): Draft => ({
  kind: 'swab.add',
  payload: { swab_id: `s${n}`, tube_id: 't', entry: 'id', id_number: '990000198503140124', name: '张小明' },
  local: { person: `p${n}`, label: '张*明' },
});

interface Command { id: string; seq: number; kind: string; at: string; payload: unknown }

/** Keeps each command once; the same id with other content is parked, as is a poisoned one. */
export class Server {
  readonly kept = new Map<string, { device: string; text: string; verdict: string; arrivals: number; seq: number }>();
  readonly requests: { device: string; commands: Command[]; headers: Headers }[] = [];
  poison = new Set<string>();
  most = Infinity;

  receive(init: RequestInit): Response {
    const headers = new Headers(init.headers);
    const device = headers.get('Authorization')!.replace('Device ', '').split(':')[0]!;
    const commands = (JSON.parse(init.body as string) as { commands: Command[] }).commands;
    this.requests.push({ device, commands, headers });
    if (commands.length > this.most) return Response.json({ code: 'access.body_too_large' }, { status: 413 });
    const verdicts = commands.map((command) => this.take(device, command));
    const seq = Math.max(0, ...[...this.kept.values()].filter((row) => row.device === device).map((row) => row.seq));
    return Response.json({ verdicts, seq, server_time: new Date(NOW + 60_000).toISOString() });
  }

  private take(device: string, command: Command): unknown {
    const text = JSON.stringify([command.kind, command.at, command.payload]);
    const known = this.kept.get(command.id);
    if (known !== undefined) {
      known.arrivals += 1;
      return known.text === text ? { id: command.id, verdict: 'duplicate', first: known.verdict } : { id: command.id, verdict: 'parked', code: 'access.id_reused' };
    }
    const verdict = this.poison.has(command.id) ? 'parked' : 'applied';
    this.kept.set(command.id, { device, text, verdict, arrivals: 1, seq: command.seq });
    return verdict === 'parked' ? { id: command.id, verdict, code: 'access.payload_malformed', says: 'x' } : { id: command.id, verdict };
  }
}

export type Line = (init: RequestInit) => Promise<Response> | Response;

export function aSync(journal: Journal, line: Line, more: Partial<Ports> = {}): { sync: Sync; restored: ReturnType<typeof vi.fn> } {
  const restored = vi.fn();
  let clock = NOW;
  const ports: Ports = {
    fetch: async (_path, init) => line(init),
    now: () => clock,
    sleep: (ms) => { clock += ms; return Promise.resolve(); },
    random: () => 0,
    language: () => 'zh',
    ...more,
  };
  return { sync: new Sync(journal, ports, restored), restored };
}

export const given = (device = 'phone-a', at = NOW): { device: string; round: string; at: number } => ({ device, round: 'r1', at });

const decoded = (text: string): Uint8Array => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const PACK = {
  round: { id: 'r1', name: 'round', no: 1, state: 'sampling', window_start: '', window_end: '' },
  station: { code: '99000010120100301', site: '990000101201003', site_id: 'x', site_name: 'S', site_state: 'open', area: '990000101201' },
  preset: { code: 'p', version: '1', sizes: [1, 10], size: 10, household: 'never', box_tubes: 50, rotation_minutes: null, skew_minutes: 5 },
  codes: { station: '99000010120100301', tubes: [] },
  keys: [{ id: codes.key_id, public: codes.public_key }],
  revoked: [],
  hash_key: rosterVector.key,
};

/** What the server answers to who asks for the station's pack and for its roster. */
export function answerOf(path: string): Response {
  if (path.includes('doors')) return Response.json({ items: [{ key: 'k1', name: '王*兰', address: '幸福巷2号', area: '990000101201', single: false, done: false }] });
  return path.includes('pack') ? Response.json(PACK, { headers: { ETag: 'p' } }) : new Response(decoded(rosterVector.body) as BodyInit, { headers: { ETag: 'r' } });
}

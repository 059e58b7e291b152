import type { Door } from '@/rules/doors';

import type { Sender, StationDb } from './db';
import { PackRefused, type Fetch } from './pack';

/**
 * The list of a home-visit team. It names doors, so it is fetched only when somebody asks for it, kept for its round only, and
 * thrown away with a touch.
 */
export type Doors = Readonly<{ round: string; station: string; at: number; items: readonly Door[] }>;

export const DOORS = 'doors';

/** The list that is on the phone, if it is this round's and this station's. */
export async function storedDoors(db: StationDb, round: string, station: string): Promise<Doors | null> {
  const found = await db.get<Doors>(DOORS);
  return found?.round === round && found.station === station ? found : null;
}

/** Fetches the list anew. Raises `PackRefused` where the server has none for us, or the fetch's error. */
export async function fetchDoors(db: StationDb, sender: Sender, fetch: Fetch, given: Readonly<{ round: string; station: string; at: number }>): Promise<Doors> {
  const answer = await fetch('/api/stations/own/doors', { headers: { Authorization: `Device ${sender.device}:${sender.secret}` }, credentials: 'omit', cache: 'no-store' });
  const told = (await answer.json().catch(() => ({}))) as { items?: readonly Door[]; code?: string };
  if (!answer.ok || told.items === undefined) throw new PackRefused(told.code ?? `http_${answer.status}`);
  const doors = { ...given, items: told.items };
  await db.put(DOORS, doors);
  return doors;
}

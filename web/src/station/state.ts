import { computed, reactive, ref, shallowRef, type ComputedRef, type Ref } from 'vue';

import { StationCore } from '@/offline/core';
import { StationDb } from '@/offline/db';
import { Hubs } from '@/offline/hub';
import { chance, Journal, type Counts, type Restored } from '@/offline/journal';
import { lead, type Locks } from '@/offline/leader';
import { PackRefused } from '@/offline/pack';
import { Sync, type SyncState } from '@/offline/sync';

import { language } from './words';

/** The one station of this page: the offline core with what a screen needs to follow it. */

const REFRESH_EVERY = 10 * 60_000;

const db = new StationDb();
const journal = new Journal(db, chance);
const send = (path: string, init: RequestInit): Promise<Response> => fetch(path, init);

export const core = new StationCore(db, journal, { fetch: send, now: () => Date.now(), chance });
const now = (): number => Date.now();
const speaks = (): string => language.value;
const onRestored = (found: Restored): void => { core.restored = found; };
export const hubs = new Hubs(journal, { fetch: send, now, language: speaks, random: (length) => crypto.getRandomValues(new Uint8Array(length)) }, onRestored);
export const sync = new Sync(journal, { fetch: send, now, random: () => Math.random(), language: speaks, sleep }, onRestored, hubs);

/** Goes up with every change of the core, which is no Vue object: whatever is computed from it asks for this first. */
const version = ref(0);
export const counts: Ref<Counts> = shallowRef(core.counts);
export const syncState: Ref<SyncState> = shallowRef(sync.state);
interface AppState {
  phase: 'starting' | 'elsewhere' | 'no_invitation' | 'no_pack' | 'ready' | 'broken';
  problem: string;
  persisted: boolean;
  updateWaits: boolean;
}

export const app = reactive<AppState>({
  phase: 'starting',
  problem: '',
  persisted: false,
  updateWaits: false,
});

const seen = <T>(_version: number, read: (station: StationCore) => T): T => read(core);

export function fromCore<T>(read: (station: StationCore) => T): ComputedRef<T> {
  return computed(() => seen(version.value, read));
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) { resolve(); return; }
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

core.onChange(() => {
  version.value += 1;
  counts.value = core.counts;
  sync.kick();
});
sync.onChange(() => {
  const before = syncState.value;
  syncState.value = sync.state;
  if (before.phase === 'sending' && sync.state.phase !== 'sending') void recount();
});

async function recount(): Promise<void> {
  counts.value = core.counts = await journal.counts();
  version.value += 1;
}

const ended = new AbortController();

/** Starts the station, unless another page of it is open; `steal` takes over from that one. */
export async function start(steal = false): Promise<void> {
  const locks = (navigator as { locks?: Locks }).locks;
  if (!(await lead(locks, stand_aside, steal))) {
    app.phase = 'elsewhere';
    return;
  }
  try {
    await core.load();
    app.persisted = await keepStorage();
  } catch (error) {
    app.phase = 'broken';
    app.problem = String(error);
    return;
  }
  addEventListener('online', () => { sync.now(); void refresh(); });
  setInterval(() => void refresh(), REFRESH_EVERY);
  void sync.run(ended.signal);
  await settle();
}

function stand_aside(): void {
  ended.abort();
  app.phase = 'elsewhere';
}

/** Asks the browser not to throw our data away when the phone runs full. */
async function keepStorage(): Promise<boolean> {
  const { storage } = navigator as { storage?: StorageManager };
  return storage === undefined ? false : (await storage.persisted()) || storage.persist();
}

/** Which screen comes first, after whatever changed it. */
export async function settle(): Promise<void> {
  if (core.sender === null) { app.phase = 'no_invitation'; return; }
  if (core.pack === null) app.phase = 'no_pack';
  else app.phase = 'ready';
  await refresh();
}

/** Gets what is new from the server; without a line everything stays as it is. */
export async function refresh(): Promise<void> {
  try {
    await core.refresh();
    app.problem = '';
  } catch (error) {
    app.problem = error instanceof PackRefused ? error.message : 'network';
  }
  if (core.sender !== null && core.pack !== null && app.phase === 'no_pack') app.phase = 'ready';
}

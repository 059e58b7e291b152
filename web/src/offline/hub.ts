import type { Entry, Sender } from './db';
import type { Journal, Restored } from './journal';
import type { Pack } from './pack';
import { hubKey, openAnswer, proof, SALT, sealRequest } from './sealed';
import { bodyOf, wire, type Ports } from './sync';

/**
 * A node at the site that keeps this phone's records while there is no line to the county, and hands them up later. What it
 * gets is sealed for the county. Having it there lets go of nothing: an entry waits on the phone until the county's own verdict
 * has come, directly or sealed through a hub.
 */

export type Hub = Readonly<{ id: string; name: string; url: string }>;
export type Given = Readonly<{ hub: Hub; more: boolean }>;

const BATCH = 500;
const ANSWER_WITHIN = 10_000; // it is in the same room
const TYPED = 'hubs';
const NOTHING = new Uint8Array(0);

export const afterKey = (hub: string, device: string): string => `hub ${hub} ${device}`;
type HubPorts = Pick<Ports, 'fetch' | 'now' | 'language'> & Readonly<{ random: (length: number) => Uint8Array }>;
interface Told { kept?: unknown; answers?: unknown; hub?: unknown; name?: unknown; code?: unknown }

export class Hubs {
  /** Why the hub asked last did not take a request, by its code; empty where it did. */
  problem = '';
  private last = '';

  constructor(
    private readonly journal: Journal,
    private readonly ports: HubPorts,
    private readonly onRestored: (restored: Restored) => void = () => undefined,
  ) {}

  /** Hubs somebody gave this phone by hand. */
  async typed(): Promise<Hub[]> {
    return (await this.journal.db.get<Hub[]>(TYPED)) ?? [];
  }

  /** Those come first: whoever gave them stood beside one. Then those of the station's pack. */
  async known(): Promise<Hub[]> {
    const typed = await this.typed();
    const packed = (await this.journal.db.get<Pack>('pack'))?.hubs ?? [];
    return [...typed, ...packed.filter((one) => !typed.some((other) => other.url === one.url))];
  }

  /** Takes the address of a hub that answers there; null where none does. */
  async add(text: string): Promise<Hub | null> {
    const url = addressOf(text);
    if (url === null) return null;
    const told = await this.asked(`${url}/api/hub`, { method: 'GET' });
    if (typeof told?.hub !== 'string' || typeof told.name !== 'string') return null;
    const hub = { id: told.hub, name: told.name, url };
    const others = (await this.typed()).filter((one) => one.id !== hub.id);
    await this.journal.db.put(TYPED, [hub, ...others]);
    return hub;
  }

  async forget(url: string): Promise<void> {
    await this.journal.db.put(TYPED, (await this.typed()).filter((one) => one.url !== url));
  }

  /** Gives the first hub that answers what it does not have yet, and takes the county's answers it holds; null: no hub did. */
  async give(): Promise<Given | null> {
    this.problem = '';
    const hubs = await this.known();
    hubs.sort((one, other) => Number(other.url === this.last) - Number(one.url === this.last)); // who answered answers again
    for (const hub of hubs) {
      let took = false;
      let more = false;
      for (const sender of await this.journal.senders()) {
        const batch = await this.journal.notAt(hub.id, sender.device, BATCH);
        if (batch.length === 0 && !(await this.journal.holds(sender.device))) continue;
        if (!(await this.hand(hub, sender, batch))) continue;
        took = true;
        more ||= batch.length > 0;
      }
      if (!took) continue;
      this.last = hub.url;
      return { hub, more };
    }
    return null;
  }

  private async hand(hub: Hub, sender: Sender, batch: readonly Entry[]): Promise<boolean> {
    const { device, secret } = sender;
    const sealed = batch.length === 0 ? NOTHING : sealRequest(secret, device, await this.request(sender, batch), this.ports.random(SALT));
    const key = hubKey(secret, hub.id);
    const after = (await this.journal.db.get<number>(afterKey(hub.id, device))) ?? 0;
    const told = await this.asked(`${hub.url}/api/hub/keep`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/octet-stream',
        'X-Yingjian-Device': device,
        'X-Yingjian-After': String(after),
        'X-Yingjian-Proof': proof(key, 'keep', new TextEncoder().encode(String(after)), sealed),
      },
      body: sealed as BodyInit,
    });
    // Only the hub the county gave this phone's key to can say so.
    if (told?.kept !== proof(key, 'kept', sealed)) {
      if (typeof told?.code === 'string') this.problem = told.code;
      return false;
    }
    await this.journal.keptAt(hub.id, batch.map((entry) => entry.id));
    await this.take(hub, sender, after, told.answers);
    return true;
  }

  private async request(sender: Sender, batch: readonly Entry[]): Promise<string> {
    const beat = sender.own === 1 ? await this.journal.beat(sender.device, batch.length) : undefined;
    return JSON.stringify({ language: this.ports.language(), sent_at: new Date(this.ports.now()).toISOString(), commands: batch.map(wire), beat });
  }

  /** The county's answers, in their order. One that does not open is none; the next request goes on after it all the same. */
  private async take(hub: Hub, sender: Sender, after: number, answers: unknown): Promise<void> {
    let last = after;
    for (const one of Array.isArray(answers) ? (answers as { no?: unknown; sealed?: unknown }[]) : []) {
      if (typeof one.no !== 'number' || typeof one.sealed !== 'string' || one.no <= last) continue;
      const plain = openAnswer(sender.secret, sender.device, bytesOf(one.sealed));
      const body = plain === null ? null : bodyOf(JSON.parse(plain));
      if (body !== null) {
        await this.journal.settle(body.verdicts);
        const restored = sender.own === 1 && body.seq !== null ? await this.journal.compare(sender.device, body.seq, this.ports.now()) : null;
        if (restored !== null) this.onRestored(restored);
      }
      last = one.no;
    }
    if (last !== after) await this.journal.db.put(afterKey(hub.id, sender.device), last);
  }

  private async asked(url: string, init: RequestInit): Promise<Told | null> {
    const patience = new AbortController();
    const bell = setTimeout(() => { patience.abort(); }, ANSWER_WITHIN);
    try {
      const answer = await this.ports.fetch(url, { ...init, signal: patience.signal, credentials: 'omit', cache: 'no-store' });
      return (await answer.json()) as Told | null;
    } catch {
      return null; // nobody there, or somebody else's page
    } finally {
      clearTimeout(bell);
    }
  }
}

/** The address in what was scanned or typed: `192.168.8.2:8100` and `https://hub.example/hub` alike; null where there is none. */
export function addressOf(text: string): string | null {
  const told = text.trim();
  try {
    const { protocol, origin } = new URL(/^[a-z]+:\/\//iu.test(told) ? told : `http://${told}`);
    return ['http:', 'https:'].includes(protocol) && /[.:\[]/u.test(origin.slice(8)) ? origin : null;
  } catch {
    return null;
  }
}

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

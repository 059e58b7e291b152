import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { scryptAsync } from '@noble/hashes/scrypt.js';

import type { Entry, Sender } from './db';
import type { Journal } from './journal';

/**
 * The last resort where there is no network at all: the queue as a sealed file that another phone carries to one. The
 * other phone sends it in the name of the first (same device, same ids), so whoever comes first, the server has it once.
 */
const MAGIC = 'YJX1';
const PACKED = 'YJX2'; // the same, compressed before it is sealed: a third of the QR frames
const SALT = 16;
const NONCE = 24;
const COST = { N: 2 ** 14, r: 8, p: 1, dkLen: 32 } as const; // about a second on a phone, for each guess too
const CODE_DIGITS = 12;

export type Carried = Readonly<{ device: string; name: string; entries: number; fresh: number }>;
type Content = Readonly<{ v: 1; senders: readonly Pick<Sender, 'device' | 'secret' | 'name'>[]; entries: readonly Entry[] }>;

/** Why a file could not be taken over. */
export class CarryError extends Error {
  constructor(readonly code: 'not_ours' | 'wrong_code') {
    super(code);
  }
}

/** A code to read aloud to the other phone's user: twelve digits from twelve random bytes. */
export function spokenCode(random: Uint8Array): string {
  return Array.from({ length: CODE_DIGITS }, (_, place) => String((random[place] ?? 0) % 10)).join('');
}

async function keyOf(code: string, salt: Uint8Array): Promise<Uint8Array> {
  return scryptAsync(new TextEncoder().encode(code.replace(/\D/gu, '')), salt, COST);
}

async function through(bytes: Uint8Array, stream: CompressionStream | DecompressionStream): Promise<Uint8Array> {
  const piped = new Blob([bytes as BlobPart]).stream().pipeThrough(stream);
  return new Uint8Array(await new Response(piped).arrayBuffer());
}

/** Everything without a verdict, sealed with the code. `random` gives salt and nonce. Nothing is changed or removed here. */
export async function exportQueue(journal: Journal, code: string, random: (length: number) => Uint8Array): Promise<Uint8Array> {
  const entries = [...(await journal.open('waiting')), ...(await journal.open('stuck'))];
  const named = new Set(entries.map((entry) => entry.device));
  const senders = (await journal.senders()).filter((sender) => named.has(sender.device));
  const content: Content = { v: 1, senders: senders.map(({ device, secret, name }) => ({ device, secret, name })), entries };
  const [salt, nonce] = [random(SALT), random(NONCE)];
  const text = new TextEncoder().encode(JSON.stringify(content));
  const packs = typeof CompressionStream !== 'undefined'; // Safari below 16.4 has none
  const inside = packs ? await through(text, new CompressionStream('deflate-raw')) : text;
  const sealed = xchacha20poly1305(await keyOf(code, salt), nonce).encrypt(inside);
  const out = new Uint8Array(4 + SALT + NONCE + sealed.length);
  out.set(new TextEncoder().encode(packs ? PACKED : MAGIC));
  out.set(salt, 4);
  out.set(nonce, 4 + SALT);
  out.set(sealed, 4 + SALT + NONCE);
  return out;
}

/** Takes a file over. Doing it twice, or after the first phone has sent it itself, changes nothing. Raises `CarryError`. */
export async function importQueue(journal: Journal, file: Uint8Array, code: string): Promise<Carried[]> {
  const magic = new TextDecoder().decode(file.subarray(0, 4));
  if (file.length < 4 + SALT + NONCE + 16 || (magic !== MAGIC && magic !== PACKED)) throw new CarryError('not_ours');
  const key = await keyOf(code, file.subarray(4, 4 + SALT));
  let content: Content;
  try {
    const inside = xchacha20poly1305(key, file.subarray(4 + SALT, 4 + SALT + NONCE)).decrypt(file.subarray(4 + SALT + NONCE));
    const text = magic === PACKED ? await through(inside, new DecompressionStream('deflate-raw')) : inside;
    content = JSON.parse(new TextDecoder().decode(text)) as Content;
  } catch {
    throw new CarryError('wrong_code');
  }
  return take(journal, content);
}

async function take(journal: Journal, content: Content): Promise<Carried[]> {
  const { db } = journal;
  return db.transaction('rw', db.journal, db.senders, async () => {
    const carried: Carried[] = [];
    for (const { device, secret, name } of content.senders) {
      const mine = content.entries.filter((entry) => entry.device === device);
      if ((await db.senders.get(device)) === undefined) await db.senders.add({ device, secret, name, own: 0, carried: true });
      let fresh = 0;
      for (const entry of mine) {
        if ((await db.journal.get(entry.id)) !== undefined) continue; // sent from here before, or our own
        await db.journal.add({ ...entry, status: 'waiting' });
        fresh += 1;
      }
      carried.push({ device, name, entries: mine.length, fresh });
    }
    return carried;
  });
}

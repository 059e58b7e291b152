import { hashes, verify } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';

import { fromBase32 } from './base32';

hashes.sha512 = sha512; // the signature is checked at once, without a network and in any browser

/**
 * A resident's signed code (twin of `sampling.tokens`): `YJ1` + base32 of
 * `head | key id | day | person uuids | Ed25519 signature | seal`. The seal is for the server; a station checks the signature.
 */
const PREFIX = 'YJ1';
const TEXT_MAX = 311;
const FAMILY_MAX = 7;
const HEAD = 7;
const SIGNATURE = 64;
const SEAL = 6;
const EPOCH = Date.UTC(2020, 0, 1);
const DAY_MS = 86_400_000;

/** `body` is what the signature is over: what makes this code this one. */
export type ResidentCode = Readonly<{ text: string; persons: readonly string[]; issued: string; keyId: string; body: Uint8Array }>;
export type CodeAnswer =
  | Readonly<{ kind: 'sound'; code: ResidentCode }>
  | Readonly<{ kind: 'garbled' }>
  | Readonly<{ kind: 'foreign_key'; keyId: string }>;

/** Public keys by key id (hex): 32 raw bytes each. */
export type PublicKeys = ReadonlyMap<string, Uint8Array>;

export const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Whether a scanned text means to be a resident's code, sound or not. */
export function looksLikeCode(text: string): boolean {
  return text.replace(/\s/gu, '').toUpperCase().startsWith(PREFIX);
}

function personId(bytes: Uint8Array): string {
  const text = hex(bytes);
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-');
}

function rawOf(text: string): Uint8Array | null {
  if (!text.startsWith(PREFIX) || text.length > TEXT_MAX) return null;
  const raw = fromBase32(text.slice(PREFIX.length));
  const head = raw?.[0];
  if (raw === null || head === undefined) return null;
  const count = head & 0x0f;
  if (head >> 4 !== 1 || count < 1 || count > FAMILY_MAX) return null;
  return raw.length === HEAD + count * 16 + SIGNATURE + SEAL ? raw : null;
}

function signatureHolds(signature: Uint8Array, body: Uint8Array, key: Uint8Array): boolean {
  try {
    return verify(signature, body, key, { zip215: false });
  } catch {
    return false;
  }
}

/** Reads a code and checks its signature. Case and spaces of a keyboard scanner do not matter, anything else does. */
export function readCode(told: string, keys: PublicKeys): CodeAnswer {
  const text = told.replace(/\s/gu, '').toUpperCase();
  const raw = rawOf(text);
  if (raw === null) return { kind: 'garbled' };
  const body = raw.subarray(0, raw.length - SIGNATURE - SEAL);
  const signature = raw.subarray(raw.length - SIGNATURE - SEAL, raw.length - SEAL);
  const keyId = hex(raw.subarray(1, 5));
  const key = keys.get(keyId);
  if (key === undefined) return { kind: 'foreign_key', keyId };
  if (!signatureHolds(signature, body, key)) return { kind: 'garbled' };
  const persons: string[] = [];
  for (let start = HEAD; start < body.length; start += 16) persons.push(personId(body.subarray(start, start + 16)));
  const days = ((raw[5] ?? 0) << 8) | (raw[6] ?? 0);
  return { kind: 'sound', code: { text, persons, issued: new Date(EPOCH + days * DAY_MS).toISOString().slice(0, 10), keyId, body } };
}

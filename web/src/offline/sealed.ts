import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';

/**
 * What passes through a hub, sealed: the server's `access/envelopes.py` says how and why; `vectors/hub.json` is run by both.
 * The keys come from this phone's secret, which the hub never gets.
 */

const REQUEST = 'YJH1';
const ANSWER = 'YJA1';
export const SALT = 32;
const NONCE = new Uint8Array(12);
const text = new TextEncoder();

export const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const uuidBytes = (id: string): Uint8Array => Uint8Array.from(id.replace(/-/gu, '').match(/../gu) ?? [], (pair) => parseInt(pair, 16));

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const cipherKey = (secret: string, salt: Uint8Array, magic: string): Uint8Array =>
  hkdf(sha256, text.encode(secret), salt, text.encode(`yingjian ${magic}`), 32);

/** What this phone and a hub know each other by. */
export const hubKey = (secret: string, hub: string): Uint8Array => hmac(sha256, text.encode(secret), joined(text.encode('yingjian hub\0'), uuidBytes(hub)));

/** Who has `key` says `word` about these parts. */
export const proof = (key: Uint8Array, word: string, ...parts: readonly Uint8Array[]): string =>
  hexOf(hmac(sha256, key, joined(text.encode(`${word}\0`), ...parts.map((part) => sha256(part)))));

export function sealRequest(secret: string, device: string, plain: string, salt: Uint8Array): Uint8Array {
  const head = joined(text.encode(REQUEST), uuidBytes(device), salt);
  return joined(head, chacha20poly1305(cipherKey(secret, salt, REQUEST), NONCE, head).encrypt(text.encode(plain)));
}

/** The county's answer, or null where it is not one for this device, or was altered. */
export function openAnswer(secret: string, device: string, sealed: Uint8Array): string | null {
  const head = sealed.subarray(0, 4 + SALT);
  if (new TextDecoder().decode(sealed.subarray(0, 4)) !== ANSWER) return null;
  try {
    const key = cipherKey(secret, head.slice(4), ANSWER);
    return new TextDecoder().decode(chacha20poly1305(key, NONCE, joined(head, uuidBytes(device))).decrypt(sealed.subarray(4 + SALT)));
  } catch {
    return null;
  }
}

import { sha256 } from '@noble/hashes/sha2.js';

/**
 * A sealed box's manifest as one QR code, for the courier and the next phone, without a network. Separated by `*`, which no
 * tube's code holds and every scanner types: `YJM1*box*seal*sealed at*people*number of tubes*tube*…*check`.
 * Seconds since the epoch; the seal's number percent-encoded; the check is the beginning of a SHA-256.
 */
const PREFIX = 'YJM1';
const CHECK = 4;

export type Manifest = Readonly<{ box: string; sealNo: string; sealedAt: number; people: number; tubes: readonly string[] }>;

const check = (text: string): string =>
  Array.from(sha256(new TextEncoder().encode(text)).subarray(0, CHECK), (byte) => byte.toString(16).padStart(2, '0')).join('').toUpperCase();

export const looksLikeManifest = (text: string): boolean => text.startsWith(`${PREFIX}*`);

export function manifestText(given: Manifest): string {
  const seal = encodeURIComponent(given.sealNo).replaceAll('*', '%2A');
  const text = [PREFIX, given.box, seal, Math.floor(given.sealedAt / 1000), given.people, given.tubes.length, ...given.tubes].join('*');
  return `${text}*${check(text)}`;
}

/** What a manifest's code says, or null where it is none or was damaged on the way. */
export function readManifest(text: string): Manifest | null {
  const end = text.lastIndexOf('*');
  const told = text.slice(0, end);
  if (!looksLikeManifest(told) || check(told) !== text.slice(end + 1).toUpperCase()) return null;
  const [, box = '', seal = '', at = '', people = '', count = '', ...tubes] = told.split('*');
  const sealNo = plain(seal);
  if (Number(count) !== tubes.length || sealNo === null) return null;
  return { box, sealNo, sealedAt: Number(at) * 1000, people: Number(people), tubes };
}

function plain(encoded: string): string | null {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null;
  }
}

export type Checked = Readonly<{ seen: readonly string[]; missing: readonly string[]; extra: readonly string[] }>;

/** What was scanned out of a box against what its manifest says. */
export function checkAgainst(manifest: Manifest, scanned: ReadonlySet<string>): Checked {
  return {
    seen: manifest.tubes.filter((code) => scanned.has(code)),
    missing: manifest.tubes.filter((code) => !scanned.has(code)),
    extra: [...scanned].filter((code) => !manifest.tubes.includes(code)),
  };
}

import { sha256 } from '@noble/hashes/sha2.js';

import { fromBase32, toBase32 } from './base32';

/**
 * A file as a series of QR codes, for two phones and no network: numbered frames, shown over and over. The other phone takes
 * them in any order and as often as they come, and knows which are still missing.
 *
 * A frame: `YJF1*sum*number*total*base32`, where `sum` is the beginning of the whole file's SHA-256. Only letters, digits and `*`:
 * QR's alphanumeric mode, and nothing that trimming or folding of scanned texts would change.
 */
const PREFIX = 'YJF1';
const SUM = 8;
/** Bytes in a frame: QR version 14 at level L, which a phone's camera still reads off another phone's screen. */
export const FRAME_BYTES = 380;
const MOST = 9_999;
const FRAME = /^YJF1\*([0-9A-F]{16})\*([0-9]{1,4})\*([0-9]{1,4})\*([A-Z2-7]+)$/u;

const sumOf = (file: Uint8Array): string => Array.from(sha256(file).subarray(0, SUM), (byte) => byte.toString(16).padStart(2, '0')).join('').toUpperCase();

/** The frames of a file, in order. */
export function framesOf(file: Uint8Array, size = FRAME_BYTES): string[] {
  const total = Math.max(1, Math.ceil(file.length / size));
  if (total > MOST) throw new RangeError('more frames than anybody would watch');
  const sum = sumOf(file);
  return Array.from({ length: total }, (_, n) => [PREFIX, sum, n + 1, total, toBase32(file.subarray(n * size, (n + 1) * size))].join('*'));
}

export const looksLikeFrame = (text: string): boolean => text.startsWith(`${PREFIX}*`);

export type Taken = 'new' | 'known' | 'none';

/** Collects frames until the file is whole. */
export class Frames {
  total = 0;
  private sum = '';
  private readonly parts = new Map<number, Uint8Array>();

  get have(): number {
    return this.parts.size;
  }

  /** Numbers of the frames not seen yet, from the first. */
  get missing(): number[] {
    return Array.from({ length: this.total }, (_, n) => n + 1).filter((n) => !this.parts.has(n));
  }

  /** Takes what the camera read. Frames of another file begin anew: that is what the other phone shows now. */
  take(text: string): Taken {
    const [, sum = '', number = '', total = '', letters = ''] = FRAME.exec(text.trim()) ?? [];
    const [n, of] = [Number(number), Number(total)];
    const bytes = letters === '' ? null : fromBase32(letters);
    if (bytes === null || n < 1 || n > of) return 'none';
    if (sum !== this.sum || of !== this.total) {
      this.parts.clear();
      [this.sum, this.total] = [sum, of];
    }
    if (this.parts.has(n)) return 'known';
    this.parts.set(n, bytes);
    return 'new';
  }

  /** The whole file once every frame is there and its sum agrees; what does not agree is thrown away to begin anew. */
  file(): Uint8Array | null {
    if (this.total === 0 || this.have < this.total) return null;
    const parts = Array.from({ length: this.total }, (_, n) => this.parts.get(n + 1) ?? new Uint8Array(0));
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let place = 0;
    for (const part of parts) {
      whole.set(part, place);
      place += part.length;
    }
    if (sumOf(whole) === this.sum) return whole;
    this.parts.clear();
    return null;
  }
}

import { blake2s } from '@noble/hashes/blake2.js';
import { sha256 } from '@noble/hashes/sha2.js';

/**
 * The station's people as keyed hashes (twin of `sampling.packing`). Nobody can be listed from it: a person is found by
 * whoever has the code or the document in hand, and only then the masked name becomes readable.
 */
export const BUCKETS = 256;
export const RECORD = 32;
const HASH = 8;
const HEAD = 8 + 2 * BUCKETS + BUCKETS / 8;
const MAGIC = 'YJR1';

export type State = 'due' | 'sampled' | 'resulted' | 'excused' | 'missed';
const STATES: readonly State[] = ['due', 'sampled', 'resulted', 'excused', 'missed'];
const MODES = ['pool', 'single', 'household'] as const;

export type Listed = Readonly<{
  /** The hash of the person: tells people apart on this phone. */
  key: string;
  household: string;
  mode: (typeof MODES)[number];
  state: State;
  home: boolean;
  elsewhere: boolean;
  /** Goes ahead of the queue. */
  green: boolean;
  /** Only where the person's own code was shown. */
  name: string;
}>;

const utf8 = new TextEncoder();

function keyed(key: Uint8Array, what: string, data: Uint8Array): Uint8Array {
  const label = utf8.encode(what);
  const message = new Uint8Array(label.length + data.length);
  message.set(label);
  message.set(data, label.length);
  return blake2s(message, { key });
}

export function uuidBytes(id: string): Uint8Array {
  return Uint8Array.from(id.replaceAll('-', '').match(/../gu) ?? [], (pair) => parseInt(pair, 16));
}

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const word = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;

/** What the phone holds: 256 buckets of records, and one mark byte per person in the same order. */
export type Table = Readonly<{ buckets: readonly Uint8Array[]; marks: Uint8Array }>;

export const EMPTY: Table = { buckets: Array.from({ length: BUCKETS }, () => new Uint8Array(0)), marks: new Uint8Array(0) };

/** Whether there is one mark for each record. A table that was damaged on the phone is fetched anew. */
export function addsUp(table: Table): boolean {
  return table.buckets.reduce((sum, bucket) => sum + bucket.length, 0) === table.marks.length * RECORD;
}

/** What the phone has, told so that the server sends the rest: the first four bytes of each bucket's digest, base64url. */
export function have(table: Table): string {
  const digests = new Uint8Array(BUCKETS * 4);
  table.buckets.forEach((bucket, n) => { digests.set(sha256(bucket).subarray(0, 4), n * 4); });
  let text = '';
  for (const byte of digests) text += String.fromCharCode(byte);
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/[=]+$/u, '');
}

/** The new table, and which buckets changed; null when the answer does not add up (then the whole is asked for again). */
export function merge(old: Table, body: Uint8Array): Readonly<{ table: Table; changed: readonly number[] }> | null {
  if (body.length < HEAD + HASH || new TextDecoder().decode(body.subarray(0, 4)) !== MAGIC) return null;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const people = view.getUint32(4);
  const buckets = [...old.buckets];
  const changed: number[] = [];
  let place = HEAD;
  for (let n = 0; n < BUCKETS; n += 1) {
    const size = view.getUint16(8 + 2 * n) * RECORD;
    const bits = body[8 + 2 * BUCKETS + (n >> 3)] ?? 0;
    if (((bits >> (n & 7)) & 1) === 1) {
      if (place + size > body.length) return null;
      buckets[n] = body.slice(place, place + size);
      changed.push(n);
      place += size;
    }
    if (buckets[n]?.length !== size) return null;
  }
  if (body.length !== place + people + HASH) return null;
  const table = { buckets, marks: body.slice(place, place + people) };
  return hexOf(digestOf(table)) === hexOf(body.subarray(place + people)) ? { table, changed } : null;
}

function digestOf(table: Table): Uint8Array {
  const all = new Uint8Array(BUCKETS * 32);
  table.buckets.forEach((bucket, n) => { all.set(sha256(bucket), n * 32); });
  return sha256(all).subarray(0, HASH);
}

/** Finds people in a table. People are sorted already; documents are sorted once, as positions, in typed arrays. */
export class Roster {
  readonly size: number;
  private readonly records: Uint8Array;
  private readonly marks: Uint8Array;
  private readonly documents: Uint32Array;

  constructor(table: Table, private readonly key: Uint8Array) {
    this.size = table.marks.length;
    this.marks = table.marks;
    this.records = new Uint8Array(this.size * RECORD);
    let place = 0;
    for (const bucket of table.buckets) {
      this.records.set(bucket, place);
      place += bucket.length;
    }
    this.documents = this.sorted();
  }

  /** The person of a resident's code. */
  ofPerson(id: string): Listed | null {
    const bytes = uuidBytes(id);
    const place = this.search((n) => n, this.size, 0, keyed(this.key, 'person', bytes));
    return place === null ? null : this.listed(place, this.nameOf(place, bytes));
  }

  /** The person of an identity number (clean, as `residentId` gives it). */
  ofDocument(number: string): Listed | null {
    const wanted = keyed(this.key, 'document', utf8.encode(number));
    const place = this.search((n) => this.documents[n] ?? 0, this.documents.length, HASH, wanted);
    return place === null ? null : this.listed(place, '');
  }

  /** How this phone tells apart people who are not in its table. */
  strangerKey(what: 'person' | 'document', text: string): string {
    return hexOf(keyed(this.key, what, what === 'person' ? uuidBytes(text) : utf8.encode(text)).subarray(0, HASH));
  }

  /**
   * Positions of the people with a document, by its hash. Hashes are spread evenly, so counting them by their first 16 bits
   * leaves one or two in each place: a tenth of the time of a comparison sort, which a slow phone feels.
   */
  private sorted(): Uint32Array {
    const { records, size } = this;
    const first = (n: number): number => ((records[n * RECORD + HASH] ?? 0) << 8) | (records[n * RECORD + HASH + 1] ?? 0);
    const starts = new Uint32Array(65_537);
    let count = 0;
    for (let n = 0; n < size; n += 1) {
      if (!this.documented(n)) continue;
      const at = first(n) + 1;
      starts[at] = (starts[at] ?? 0) + 1;
      count += 1;
    }
    for (let at = 0; at < 65_536; at += 1) starts[at + 1] = (starts[at + 1] ?? 0) + (starts[at] ?? 0);
    const next = starts.slice();
    const out = new Uint32Array(count);
    for (let n = 0; n < size; n += 1) {
      if (!this.documented(n)) continue;
      const at = first(n);
      let place = next[at] ?? 0;
      next[at] = place + 1;
      for (; place > (starts[at] ?? 0) && this.after(out[place - 1] ?? 0, n); place -= 1) out[place] = out[place - 1] ?? 0;
      out[place] = n;
    }
    return out;
  }

  private documented(n: number): boolean {
    return word(this.records, n * RECORD + HASH) !== 0 || word(this.records, n * RECORD + HASH + 4) !== 0;
  }

  /** Whether one's document comes after the other's. */
  private after(one: number, other: number): boolean {
    const [a, b] = [one * RECORD + HASH, other * RECORD + HASH];
    const [high, low] = [word(this.records, a), word(this.records, b)];
    return high > low || (high === low && word(this.records, a + 4) > word(this.records, b + 4));
  }

  private search(placeOf: (n: number) => number, length: number, offset: number, wanted: Uint8Array): number | null {
    const [first, second] = [word(wanted, 0), word(wanted, 4)];
    let low = 0;
    let high = length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = placeOf(middle) * RECORD + offset;
      const one = word(this.records, at);
      if (one < first || (one === first && word(this.records, at + 4) < second)) low = middle + 1;
      else high = middle;
    }
    if (low >= length) return null;
    const at = placeOf(low) * RECORD + offset;
    return word(this.records, at) === first && word(this.records, at + 4) === second ? placeOf(low) : null;
  }

  private nameOf(place: number, person: Uint8Array): string {
    const hidden = this.records.subarray(place * RECORD + 20, (place + 1) * RECORD);
    const pad = keyed(this.key, 'person', person).subarray(-12);
    const shown = hidden.map((byte, n) => byte ^ (pad[n] ?? 0));
    const end = shown.indexOf(0);
    return new TextDecoder().decode(end < 0 ? shown : shown.subarray(0, end));
  }

  private listed(place: number, name: string): Listed {
    const mark = this.marks[place] ?? 0;
    const at = place * RECORD;
    return {
      key: hexOf(this.records.subarray(at, at + HASH)),
      household: hexOf(this.records.subarray(at + 16, at + 20)),
      mode: MODES[mark & 3] ?? 'pool',
      state: STATES[(mark >> 2) & 7] ?? 'due',
      home: (mark & 32) !== 0,
      elsewhere: (mark & 64) !== 0,
      green: (mark & 128) !== 0,
      name,
    };
  }
}

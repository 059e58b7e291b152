/** Identifiers that a client mints for its commands: version 7, so that they sort by the time they were made (RFC 9562 §5.7). */

/** `at`: milliseconds since the epoch; `chance`: ten random bytes (74 bits of them are used). */
export function uuid7(at: number, chance: Uint8Array): string {
  const bytes = new Uint8Array(16);
  for (let place = 0; place < 6; place += 1) bytes[place] = Math.floor(at / 256 ** (5 - place)) % 256;
  bytes.set(chance.subarray(0, 10), 6);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

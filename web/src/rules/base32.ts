/** RFC 4648 base32 without padding: letters and digits that every QR code, keyboard and input method carries unchanged. */

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export function toBase32(bytes: Uint8Array): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += LETTERS[(held >> bits) & 31] ?? '';
    }
  }
  return bits === 0 ? text : text + (LETTERS[(held << (5 - bits)) & 31] ?? '');
}

/** The bytes, or null where the text is not the one way to write them. */
export function fromBase32(letters: string): Uint8Array | null {
  const size = Math.floor((letters.length * 5) / 8);
  const spare = letters.length * 5 - size * 8;
  if (spare >= 5) return null;
  const out = new Uint8Array(size);
  let held = 0;
  let bits = 0;
  let place = 0;
  for (const letter of letters) {
    const value = LETTERS.indexOf(letter);
    if (value < 0) return null;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out[place] = (held >> bits) & 0xff;
      place += 1;
    }
  }
  return (held & ((1 << bits) - 1)) === 0 ? out : null; // spare bits must be zero, or two texts would say the same
}

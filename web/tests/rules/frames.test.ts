import { readFileSync } from 'node:fs';

import { prepareZXingModule as readerReady, readBarcodes } from 'zxing-wasm/reader';
import { prepareZXingModule as writerReady, writeBarcode } from 'zxing-wasm/writer';

import { describe, expect, it } from 'vitest';

import { fromBase32, toBase32 } from '@/rules/base32';
import { FRAME_BYTES, Frames, framesOf } from '@/rules/frames';
import { readScan } from '@/rules/scan';

import { seeded } from '../offline/stage';

const random = seeded(11);
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(random() * 256));

describe('base32', () => {
  it('gives back every length, and takes no second way to write the same', () => {
    for (let length = 0; length < 70; length += 1) {
      const given = bytes(length);
      expect(fromBase32(toBase32(given))).toEqual(given);
    }
    expect(toBase32(new TextEncoder().encode('foobar'))).toBe('MZXW6YTBOI'); // RFC 4648 §10
    expect([fromBase32('A'), fromBase32('AB'), fromBase32('A0'), fromBase32('aa')]).toEqual([null, null, null, null]);
  });
});

describe('a file as a series of codes', () => {
  it('is whole again in any order, with every frame lost or repeated as often as a camera likes (200 schedules)', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const luck = seeded(seed);
      const file = Uint8Array.from({ length: Math.floor(luck() * 4000) }, () => Math.floor(luck() * 256));
      const shown = framesOf(file);
      const taken = new Frames();
      let looks = 0;
      while (taken.file() === null) {
        const frame = shown[Math.floor(luck() * shown.length)]!;
        const before = taken.have;
        const said = luck() < 0.4 ? 'lost' : taken.take(frame);
        expect(taken.have - before, `seed ${seed}`).toBe(said === 'new' ? 1 : 0);
        expect(taken.missing.length + taken.have, `seed ${seed}`).toBe(taken.total);
        looks += 1;
        expect(looks).toBeLessThan(2000);
      }
      expect(taken.file(), `seed ${seed}`).toEqual(file);
    }
  });

  it('is not mixed with another one: what the other phone shows now counts', () => {
    const [one, other] = [bytes(900), bytes(900)];
    const taken = new Frames();
    for (const frame of framesOf(one).slice(0, 2)) taken.take(frame);
    for (const frame of framesOf(other)) taken.take(frame);
    expect(taken.file()).toEqual(other);
  });

  it('takes nothing that is no frame, and begins anew when the whole does not agree with its sum', () => {
    const file = bytes(800);
    const [first, second, third] = framesOf(file) as [string, string, string];
    const taken = new Frames();
    for (const text of ['', 'YJF1', 'PT00001', first.slice(0, -5).replace('*1*', '*0*'), first.replace('*1*3*', '*4*3*'), `${first}!`]) expect(taken.take(text), text).toBe('none');
    const forged = first.slice(0, -3) + (first.at(-3) === 'A' ? 'B' : 'A') + first.slice(-2);
    for (const frame of [forged, second, third]) taken.take(frame);
    expect([taken.have, taken.file(), taken.have]).toEqual([3, null, 0]);
    for (const frame of [third, first, second]) taken.take(frame);
    expect(taken.file()).toEqual(file);
  });

  it('passes through the code reader unchanged, and fits a code that a camera reads off a screen', async () => {
    const wasm = (part: string) => ({ overrides: { wasmBinary: readFileSync(`node_modules/zxing-wasm/dist/${part}/zxing_${part}.wasm`).buffer } });
    readerReady(wasm('reader'));
    writerReady(wasm('writer'));
    const [frame] = framesOf(bytes(FRAME_BYTES * 3)) as [string];
    const { symbol } = await writeBarcode(frame, { format: 'QRCode', options: 'ecLevel=L' });
    expect(symbol.width).toBeLessThanOrEqual(17 + 4 * 14); // version 14
    const [scale, quiet] = [4, 16];
    const size = symbol.width * scale + 2 * quiet;
    const data = new Uint8ClampedArray(size * size * 4).fill(255);
    for (let y = 0; y < symbol.width * scale; y += 1) {
      for (let x = 0; x < symbol.width * scale; x += 1) {
        const dark = symbol.data[Math.floor(y / scale) * symbol.width + Math.floor(x / scale)] === 0;
        if (dark) data.fill(0, ((y + quiet) * size + x + quiet) * 4, ((y + quiet) * size + x + quiet) * 4 + 3);
      }
    }
    const [read] = await readBarcodes({ data, width: size, height: size, colorSpace: 'srgb' }, {});
    expect(read?.text).toBe(frame);
    expect(readScan(read?.text ?? '', '2026-06-01')).toEqual({ kind: 'frame', text: frame });
  });
});

import { describe, expect, it } from 'vitest';

import { checkAgainst, manifestText, readManifest, type Manifest } from '@/rules/manifest';
import { readScan } from '@/rules/scan';

import { seeded } from '../offline/stage';

const box: Manifest = { box: '9900001012010030101010017', sealNo: '封 7*条%/1', sealedAt: 1_780_300_800_000, people: 73, tubes: ['PT00001', 'a.b/c+d$e%f_g-h', 'T3'] };

describe("a box's manifest as a code", () => {
  it('reads back as it was', () => {
    expect(readManifest(manifestText(box))).toEqual(box);
    expect(readManifest(manifestText({ ...box, tubes: [], sealNo: '' }))).toEqual({ ...box, tubes: [], sealNo: '' });
  });

  it('is known among scans, and no tube, person or box is taken for one', () => {
    expect(readScan(`  ${manifestText(box)}\n`, '2026-06-01')).toEqual({ kind: 'manifest', manifest: box });
    expect(readScan('YJM1*cut off', '2026-06-01').kind).toBe('garbled');
    for (const text of ['PT00001', box.box, '990000198503140124']) expect(readScan(text, '2026-06-01').kind).not.toBe('manifest');
  });

  it('notices every changed, lost and doubled letter', () => {
    const text = manifestText(box);
    const random = seeded(5);
    for (let place = 0; place < text.length; place += 1) {
      const other = String.fromCharCode(48 + Math.floor(random() * 10));
      const letter = text[place]!;
      // small letters of the check read as capitals: some scanners change the case of what they type
      if (other !== letter) expect(readManifest(text.slice(0, place) + other + text.slice(place + 1)), `changed ${place}`).toBeNull();
      expect(readManifest(text.slice(0, place) + text.slice(place + 1)), `lost ${place}`).toBeNull();
      expect(readManifest(text.slice(0, place) + letter + text.slice(place)), `doubled ${place}`).toBeNull();
    }
  });

  it('says what is missing and what is too much', () => {
    expect(checkAgainst(box, new Set(['T3', 'X9']))).toEqual({ seen: ['T3'], missing: ['PT00001', 'a.b/c+d$e%f_g-h'], extra: ['X9'] });
  });
});

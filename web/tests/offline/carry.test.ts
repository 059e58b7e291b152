import { describe, expect, it, vi } from 'vitest';

import { exportQueue, importQueue, spokenCode } from '@/offline/carry';
import { Frames, framesOf } from '@/rules/frames';

import { aPhone, aSwab, aSync, given, seeded, Server } from './stage';

const bytes = (seed: number) => {
  const random = seeded(seed);
  return (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(random() * 256));
};
const CODE = '1234 5678 9012';

describe('a queue carried by another phone', () => {
  it('is sealed, arrives once, in the name of the first, whoever sends first', async () => {
    const [first, other, server] = [await aPhone('phone-a', 1), await aPhone('phone-b', 2), new Server()];
    const made = await first.journal.record([aSwab(1), aSwab(2), aSwab(3)], given('phone-a'));
    await first.journal.settle([{ id: made[0]!.id, verdict: 'applied' }]); // what is done is not carried
    const file = await exportQueue(first.journal, CODE, bytes(5));
    expect(new TextDecoder('latin1').decode(file)).not.toMatch(/990000198503140124|secret of phone-a|swab/);
    expect((await first.journal.counts()).waiting).toBe(2); // nothing leaves by exporting
    expect(await importQueue(other.journal, file, '123456789012')).toEqual([{ device: 'phone-a', name: 'phone-a', entries: 2, fresh: 2 }]);
    expect(await importQueue(other.journal, file, CODE)).toEqual([{ device: 'phone-a', name: 'phone-a', entries: 2, fresh: 0 }]);
    await other.journal.record([aSwab(9)], given('phone-b'));
    const carrying = aSync(other.journal, (init) => server.receive(init));
    await carrying.sync.step();
    expect([...server.kept.values()].map((row) => row.device).sort()).toEqual(['phone-a', 'phone-a', 'phone-b']);
    expect(carrying.restored).not.toHaveBeenCalled();
    const back = aSync(first.journal, (init) => server.receive(init));
    await back.sync.step();
    expect(await first.journal.counts()).toEqual({ waiting: 0, parked: 0, stuck: 0, applied: 3, hub: 0 });
    expect(server.kept.size).toBe(3);
  }, 60_000);

  it('opens with its code only, and only if it is ours', async () => {
    const [first, other] = [await aPhone('phone-a'), await aPhone('phone-b')];
    await first.journal.record([aSwab(1)], given());
    const file = await exportQueue(first.journal, CODE, bytes(6));
    await expect(importQueue(other.journal, file, '123456789013')).rejects.toMatchObject({ code: 'wrong_code' });
    const damaged = file.slice();
    damaged[60] = (damaged[60] ?? 0) ^ 1;
    await expect(importQueue(other.journal, damaged, CODE)).rejects.toMatchObject({ code: 'wrong_code' });
    await expect(importQueue(other.journal, new Uint8Array(99), CODE)).rejects.toMatchObject({ code: 'not_ours' });
    expect((await other.journal.counts()).waiting).toBe(0);
  }, 60_000);

  it('passes from screen to camera as a series of codes, with frames lost, repeated and out of order', async () => {
    const [first, other] = [await aPhone('phone-a', 1), await aPhone('phone-b', 2)];
    await first.journal.record(Array.from({ length: 60 }, (_, n) => aSwab(n)), given('phone-a'));
    const shown = framesOf(await exportQueue(first.journal, CODE, bytes(5)));
    expect(shown.length).toBeGreaterThan(3);
    const [taken, luck] = [new Frames(), seeded(9)];
    let file: Uint8Array | null = null;
    while (file === null) {
      const frame = shown[Math.floor(luck() * shown.length)]!;
      if (luck() < 0.7) taken.take(frame);
      file = taken.file();
    }
    for (const fresh of [60, 0]) expect(await importQueue(other.journal, file, CODE)).toEqual([{ device: 'phone-a', name: 'phone-a', entries: 60, fresh }]);
    expect((await other.journal.counts()).waiting).toBe(60);
  }, 60_000);

  it('takes over a file of a browser that cannot compress', async () => {
    const [first, other] = [await aPhone('phone-a', 1), await aPhone('phone-b', 2)];
    await first.journal.record([aSwab(1)], given('phone-a'));
    vi.stubGlobal('CompressionStream', undefined);
    const file = await exportQueue(first.journal, CODE, bytes(5));
    vi.unstubAllGlobals();
    expect(new TextDecoder().decode(file.subarray(0, 4))).toBe('YJX1');
    expect(await importQueue(other.journal, file, CODE)).toMatchObject([{ fresh: 1 }]);
  }, 60_000);

  it('has a code of twelve digits to read aloud', () => {
    expect(spokenCode(bytes(3)(12))).toMatch(/^\d{12}$/);
  });
});

import 'fake-indexeddb/auto';

import { describe, expect, it } from 'vitest';

import { StationDb } from '@/offline/db';
import { Journal, KEPT_DAYS } from '@/offline/journal';

import { aPhone, aSwab, given, NOW } from './stage';

describe("the phone's journal", () => {
  it('has stored everything when it says so, also for a page opened later', async () => {
    const { db, journal } = await aPhone();
    const made = await journal.record([aSwab(1), aSwab(2)], given());
    db.close();
    const again = new Journal(new StationDb(db.name));
    expect(await again.counts()).toEqual({ waiting: 2, parked: 0, stuck: 0, applied: 0, hub: 0 });
    const facts = await again.facts('phone-a', 'r1');
    expect(facts.map((fact) => [fact.kind, fact.at, fact.local?.person])).toEqual([['swab.add', NOW, 'p1'], ['swab.add', NOW, 'p2']]);
    expect(made.map((entry) => entry.seq)).toEqual([1, 2]);
  });

  it('stores all of an action or nothing', async () => {
    const { db, journal } = await aPhone();
    const [entry] = await journal.record([aSwab(1)], given());
    const clash = new Journal(db, () => Uint8Array.from({ length: 10 }, () => 7));
    const [first] = await clash.record([aSwab(2)], given());
    expect(first!.seq).toBe(2);
    await expect(clash.record([aSwab(3), aSwab(4)], given())).rejects.toThrow(); // the same id again
    expect((await journal.counts()).waiting).toBe(2);
    expect(await db.get('seq phone-a')).toBe(2);
    expect((await journal.record([aSwab(5)], given()))[0]!.seq).toBe(3);
    expect(entry!.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  it('numbers without gap or repetition when two pages record at once', async () => {
    const { db, journal } = await aPhone();
    const other = new Journal(new StationDb(db.name));
    await Promise.all(Array.from({ length: 40 }, (_, n) => (n % 2 ? journal : other).record([aSwab(n)], given())));
    const entries = await journal.open('waiting');
    expect(entries.map((entry) => entry.seq).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
  });

  it('keeps entries of rounds and enrolments apart', async () => {
    const { journal } = await aPhone();
    await journal.record([aSwab(1)], given());
    await journal.record([aSwab(2)], { ...given(), round: 'r2' });
    await journal.record([aSwab(3)], given('phone-b'));
    expect((await journal.facts('phone-a', 'r1')).length).toBe(1);
    expect((await journal.facts('phone-b', 'r1')).length).toBe(1);
  });

  it('lets go of names and numbers once the server has them, and not before', async () => {
    const { db, journal } = await aPhone();
    const [one, two] = await journal.record([aSwab(1), aSwab(2)], given());
    await journal.settle([{ id: one!.id, verdict: 'applied' }]);
    expect(JSON.stringify(await db.journal.get(one!.id))).not.toMatch(/990000198503140124|张小明/);
    expect((await db.journal.get(one!.id))!.payload['swab_id']).toBe('s1');
    expect(JSON.stringify(await db.journal.get(two!.id))).toContain('990000198503140124');
  });

  it('lets go of earlier rounds that the server has, after a week, and of nothing else', async () => {
    const { db, journal } = await aPhone();
    const [old, late] = [NOW - KEPT_DAYS * 86_400_000 - 1, NOW - KEPT_DAYS * 86_400_000];
    const made = new Map<string, string>();
    for (const [name, round, at] of [['gone', 'r0', old], ['parked', 'r0', old], ['stuck', 'r0', old], ['waiting', 'r0', old], ['young', 'r0', late], ['now', 'r1', old]] as const) {
      const [entry] = await journal.record([aSwab(1)], { device: 'phone-a', round, at });
      made.set(name, entry!.id);
    }
    await journal.settle(['gone', 'young', 'now'].map((name) => ({ id: made.get(name)!, verdict: 'applied' })));
    await journal.settle([{ id: made.get('parked')!, verdict: 'parked' }]);
    await journal.mark(made.get('stuck')!, 'stuck');
    expect(await journal.prune('r1', NOW)).toBe(1);
    const left = new Set((await db.journal.toArray()).map((entry) => entry.id));
    expect([...made].filter(([, id]) => !left.has(id)).map(([name]) => name)).toEqual(['gone']);
    expect((await journal.record([aSwab(2)], given()))[0]!.seq).toBe(7); // numbers go on
    expect(await journal.prune('r1', NOW)).toBe(0);
  });

  it('takes a duplicate for what it was the first time', async () => {
    const { journal } = await aPhone();
    const made = await journal.record([aSwab(1), aSwab(2), aSwab(3), aSwab(4)], given());
    await journal.settle([
      { id: made[0]!.id, verdict: 'duplicate', first: 'applied' },
      { id: made[1]!.id, verdict: 'duplicate', first: 'parked', code: 'x.y' },
      { id: made[2]!.id, verdict: 'something new' },
      { id: 'nobody', verdict: 'applied' },
    ]);
    expect(await journal.counts()).toEqual({ waiting: 2, parked: 1, stuck: 0, applied: 1, hub: 0 });
    expect((await journal.open('parked'))[0]!.code).toBe('x.y');
  });
});

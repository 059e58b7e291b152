import 'fake-indexeddb/auto';

import { describe, expect, it } from 'vitest';

import codes from '../../../vectors/resident-codes.json';

import { EnrolRefused, StationCore } from '@/offline/core';
import { addPerson } from '@/rules/flow';

import { aPhone, answerOf, aSwab, NOW } from './stage';

async function aCore(): Promise<{ core: StationCore; again: () => Promise<StationCore>; asked: { body: string }[]; down: { now: boolean } }> {
  const { db, journal, random } = await aPhone('nobody');
  await db.senders.clear();
  const asked: { body: string }[] = [];
  const down = { now: false };
  const ports = {
    now: () => NOW,
    chance: () => Uint8Array.from({ length: 10 }, () => Math.floor(random() * 256)),
    fetch: (path: string, init: RequestInit): Promise<Response> => {
      if (path.includes('enrol')) {
        asked.push({ body: init.body as string });
        if (down.now) return Promise.reject(new TypeError('no line'));
        const given = JSON.parse(init.body as string) as { token: string };
        return Promise.resolve(given.token === 'GOOD' ? Response.json({ secret: 's' }) : Response.json({ code: 'access.token_unknown', says: 'no' }, { status: 404 }));
      }
      return Promise.resolve(answerOf(path));
    },
  };
  const core = new StationCore(db, journal, ports);
  const again = async (): Promise<StationCore> => {
    const other = new StationCore(db, journal, ports);
    await other.load();
    return other;
  };
  return { core, again, asked, down };
}

async function ready(): Promise<Awaited<ReturnType<typeof aCore>>> {
  const made = await aCore();
  await made.core.enrol('GOOD', 'phone');
  await made.core.refresh();
  return made;
}

describe('the station', () => {
  it('enrols once, also when the answer was lost, and says why it was refused', async () => {
    const { core, asked, down } = await aCore();
    down.now = true;
    await expect(core.enrol('GOOD', 'phone')).rejects.toThrow(TypeError);
    down.now = false;
    await core.enrol('GOOD', 'phone');
    expect(asked[0]!.body).toBe(asked[1]!.body);
    expect(core.sender).toMatchObject({ own: 1, secret: 's' });
    await expect(core.enrol('BAD', 'phone')).rejects.toBeInstanceOf(EnrolRefused);
    expect(core.sender).toMatchObject({ own: 1, secret: 's' });
  });

  it('is after a reload what it was, to the flag', async () => {
    const { core, again } = await ready();
    const [family] = codes.cases.filter((one) => one.name === 'a family of seven');
    await core.act(() => [{ kind: 'tube.open', payload: { tube_id: 't1', code: 'T1', mode: 'pool', capacity: 10 } }]);
    const read = core.ofCode(family!.text);
    if (read.kind !== 'people') throw new Error(read.kind);
    for (const [n, who] of read.people.entries()) await core.act((station) => addPerson(station, station.tubes.get('t1')!, who, `s${n}`));
    await core.act(() => [{ kind: 'swab.void', payload: { swab_id: 's6', reason: 'x' } }]);
    await core.act(() => [{ kind: 'tube.seal', payload: { tube_id: 't1', count: 6 } }]);
    const back = await again();
    const picture = (one: StationCore): unknown => ({
      tubes: [...one.station.tubes.values()].map((tube) => ({ ...tube, flags: one.station.tubeFlags(tube.id) })),
      swabs: [...one.station.swabs.values()].map((swab) => ({ ...swab, flags: one.station.swabFlags(swab.id) })),
      counts: one.counts,
    });
    expect(picture(back)).toEqual(picture(core));
    expect(back.counts.waiting).toBe(10);
    expect(back.station.tubes.get('t1')).toMatchObject({ step: 'sealed', count: 6 });
  });

  it('does one thing at a time: a second tap finds what the first one did', async () => {
    const { core } = await ready();
    const open = (): Promise<number> =>
      core.act((station) => (station.tubesOfCode('T1').length > 0 ? [] : [{ kind: 'tube.open', payload: { tube_id: core.newId(), code: 'T1', mode: 'pool', capacity: 10 } }]));
    expect(await Promise.all([open(), open(), open()])).toEqual([1, 0, 0]);
    expect(core.station.tubes.size).toBe(1);
  });

  it('shows nothing that is not on the disk', async () => {
    const { core } = await ready();
    core.db.close();
    await expect(core.act(() => [{ kind: 'tube.open', payload: { tube_id: 't', code: 'T', mode: 'pool', capacity: 10 } }])).rejects.toThrow();
    expect(core.station.tubes.size).toBe(0);
    expect(core.counts.waiting).toBe(0);
  });

  it('reads a code against its own people: name, single, sampled, elsewhere, stranger', async () => {
    const { core } = await ready();
    const read = core.ofCode(codes.cases[1]!.text);
    if (read.kind !== 'people') throw new Error(read.kind);
    expect(read.people.map((who) => [who.local.label, who.local.single, who.listed])).toEqual([
      ['张*明', false, 'due'], ['张*', false, 'sampled'], ['李*接', true, 'elsewhere'], ['阿**江', false, 'due'], ['𠮷*一', false, 'due'],
      ['', false, 'no'], ['', false, 'no'],
    ]);
    expect(read.people[0]!.identity).toMatchObject({ person_id: codes.cases[1]!.persons![0] });
    expect(core.ofCode('YJ1ABC').kind).toBe('garbled');
    const byCard = core.ofDocument('990000198503140124', 'card');
    expect([byCard.local.person, byCard.listed, byCard.local.label]).toEqual([read.people[0]!.local.person, 'due', '…0124']);
    expect(core.ofName('王五', '')).toMatchObject({ listed: 'no', local: { label: '王*', found: true } });
  });

  it('has a home-visit list only after asking, of this round only, and lets go of it', async () => {
    const { core, again } = await ready();
    expect(core.doors).toBeNull();
    await core.askDoors();
    expect(core.doors).toMatchObject({ round: 'r1', at: NOW, items: [{ key: 'k1', address: '幸福巷2号' }] });
    expect((await again()).doors).toEqual(core.doors);
    await core.db.put('doors', { ...core.doors!, round: 'r0' });
    expect((await again()).doors).toBeNull();
    await core.askDoors();
    await core.forgetDoors();
    expect([core.doors, (await again()).doors, await core.db.get('doors')]).toEqual([null, null, undefined]);
    await core.askDoors();
    await core.enrol('GOOD', 'phone');
    expect(await core.db.get('doors')).toBeUndefined();
  });

  it('lets go of what earlier rounds left when it starts', async () => {
    const { core, again } = await ready();
    const old = { device: core.sender!.device, round: 'r0', at: NOW - 30 * 86_400_000 };
    const [gone, kept] = await core.journal.record([aSwab(1), aSwab(2)], old);
    await core.journal.settle([{ id: gone!.id, verdict: 'applied' }]);
    await again();
    expect((await core.db.journal.toArray()).map((entry) => entry.id)).toEqual([kept!.id]);
  });
});

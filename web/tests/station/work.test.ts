import 'fake-indexeddb/auto';

import { beforeAll, describe, expect, it, vi } from 'vitest';

import { core } from '@/station/state';
import { say } from '@/station/words';
import { currentTube, end, openTube, scanned, seal, torn, work } from '@/station/work';

import { answerOf } from '../offline/stage';

const SOMEBODY = '990000198503140124';

beforeAll(async () => {
  vi.stubGlobal('fetch', (path: string) => Promise.resolve(path.includes('enrol') ? Response.json({ secret: 's' }) : answerOf(path)));
  await core.load();
  await core.enrol('GOOD', 'phone');
  await core.refresh();
});

const inside = (code: string): number => {
  const [tube] = core.station.tubesOfCode(code);
  if (tube === undefined) throw new Error(`no tube ${code}`);
  return core.station.people(tube.id).length;
};

describe('a scanner quicker than the disk', () => {
  it('opens the next tube though the broken one is still being written down', async () => {
    await openTube('TUBE0001');
    void end(currentTube(core.station)!.id, 'break', 'fell');
    void scanned('TUBE0002');
    await scanned(SOMEBODY);
    expect([work.sheet, inside('TUBE0001'), inside('TUBE0002')]).toEqual([null, 0, 1]);
  });

  it('leaves open what the sampler opened after it, and closes what it was heard beside', async () => {
    const typing = { kind: 'typed', what: 'id' } as const;
    void seal(currentTube(core.station)!.id, 1);
    const opened = scanned('TUBE0009');
    work.sheet = typing;
    await opened;
    expect([work.sheet, currentTube(core.station)?.code]).toEqual([typing, 'TUBE0009']);
    await scanned('990000198503140220');
    expect([work.sheet, inside('TUBE0009')]).toEqual([null, 1]);
  });

  it('goes on after one that could not be stored', async () => {
    await seal(currentTube(core.station)!.id, 1);
    vi.spyOn(core, 'act').mockRejectedValueOnce(new Error('the disk is full'));
    const [failed, next] = [scanned('TUBE0003'), scanned('TUBE0004')];
    await expect(failed).rejects.toThrow('the disk is full');
    await next;
    expect(currentTube(core.station)?.code).toBe('TUBE0004');
  });

  it('tells the sampler, wherever the action came from, and takes it when it is done again', async () => {
    vi.spyOn(core.journal, 'record').mockRejectedValueOnce(new DOMException('full', 'QuotaExceededError'));
    const tube = currentTube(core.station)!;
    await expect(end(tube.id, 'void', 'unused')).rejects.toThrow('full');
    await core.settled();
    expect([work.told.tone, work.told.text, tube.step]).toEqual(['stop', say('work.notStored'), 'open']);
    await end(tube.id, 'void', 'unused');
    expect(tube.step).toBe('voided');
  });
});

it('asks again for a torn scan, unless the text is signed or checked and therefore whole', () => {
  expect(torn({ text: 'TUBE0001', torn: true })).toBe(true);
  expect(torn({ text: `x${SOMEBODY}`, torn: true })).toBe(true);
  expect(torn({ text: SOMEBODY, torn: true })).toBe(false);
  expect(torn({ text: 'TUBE0001', torn: false })).toBe(false);
});

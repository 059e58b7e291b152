import { describe, expect, it } from 'vitest';

import { campaignsOf, isReady, type KnownRound, type RoundDraft, windowAfter, windowFirst } from '@/rules/round-draft';
import { fieldOf, instantOf } from '@/rules/time';

const round = (campaign: string, no: number, more: Partial<KnownRound> = {}): KnownRound => ({
  campaign_id: campaign, campaign: `行动${campaign}`, no, area: { code: '640121' }, preset: { code: 'yongning' },
  window_start: '2022-03-15T07:00:00+08:00', window_end: '2022-03-15T15:00:00+08:00', ...more,
});
const draft: RoundDraft = {
  campaignId: 'c', roundId: 'r', isNewCampaign: true, campaign: '行动', trigger: '', area: '640121', no: '1', name: '第一轮', preset: 'yongning', start: '2022-03-16T07:00', end: '2022-03-16T20:00',
};
const at = (iso: string): number => Date.parse(iso);

describe('campaigns', () => {
  it('are found by their rounds, each with its last, whatever the order', () => {
    const found = campaignsOf([round('b', 1), round('a', 1), round('a', 3), round('a', 2)]);
    expect(found.map((one) => [one.id, one.last.no])).toEqual([['b', 1], ['a', 3]]);
  });
});

describe('the hours of sampling', () => {
  it('are the preset’s, tomorrow in China, to begin with', () => {
    expect(windowFirst(at('2022-03-14T16:30:00Z'), { open_from: '06:30', open_to: '19:00' })).toEqual({ start: '2022-03-16T06:30', end: '2022-03-16T19:00' });
  });
  it('end the day after where sites close at midnight', () => {
    expect(windowFirst(at('2022-03-14T16:30:00Z'), { open_from: '08:00', open_to: '00:00' })).toEqual({ start: '2022-03-16T08:00', end: '2022-03-17T00:00' });
  });
  it('are nobody’s while no preset is chosen', () => {
    expect(windowFirst(at('2022-03-14T16:30:00Z'), undefined)).toEqual({ start: '', end: '' });
  });
  it('are those of the round before, the first time they lie ahead', () => {
    expect(windowAfter(round('a', 1), at('2022-03-15T06:00:00+08:00'))).toEqual({ start: '2022-03-16T07:00', end: '2022-03-16T15:00' });
    expect(windowAfter(round('a', 1), at('2022-03-20T08:00:00+08:00'))).toEqual({ start: '2022-03-21T07:00', end: '2022-03-21T15:00' });
  });
  it('do not overlap those of the round before', () => {
    const long = round('a', 1, { window_end: '2022-03-17T15:00:00+08:00' });
    expect(windowAfter(long, at('2022-03-14T08:00:00+08:00')).start).toBe('2022-03-18T07:00');
  });
});

describe('a draft', () => {
  it('is ready once everything is there', () => {
    expect(isReady(draft)).toBe(true);
    const missing: Partial<RoundDraft>[] = [
      { campaign: ' ' }, { area: '' }, { no: '0' }, { no: '1.5' }, { no: 'x' }, { no: '' }, { name: '' }, { name: '长'.repeat(121) }, { preset: '' }, { start: '' }, { end: '2022-03-16T07:00' },
    ];
    for (const without of missing) expect(isReady({ ...draft, ...without }), JSON.stringify(without)).toBe(false);
  });
  it('of a further round needs no name of a campaign', () => {
    expect(isReady({ ...draft, isNewCampaign: false, campaign: '' })).toBe(true);
  });
});

describe('a field for date and time', () => {
  it('is civil time, there and back', () => {
    expect(fieldOf(at('2022-03-14T23:00:00Z'))).toBe('2022-03-15T07:00');
    expect(at(instantOf('2022-03-15T07:00')!)).toBe(at('2022-03-14T23:00:00Z'));
    expect(instantOf('')).toBeNull();
  });
});

// @vitest-environment jsdom
/** Places of the county's list moved on the map, by hand and by keys, saved and undone; a limit on sites goes with the next plan. */
import { describe, expect, it } from 'vitest';
import { nextTick, ref } from 'vue';

import type { Candidate } from '@/api/places';
import type { Feature } from '@/api/plans';
import CandidatesPanel from '@/rooms/places/CandidatesPanel.vue';
import PlanMap from '@/rooms/rounds/PlanMap.vue';
import PlanMoves from '@/rooms/rounds/PlanMoves.vue';
import PlanSearchPanel from '@/rooms/rounds/PlanSearchPanel.vue';
import { metresBetween, type Place } from '@/rules/flat-map';

import * as made from '../mock/answers';
import { eachAnew, press, reason, type Sent, serve, settled, signedIn, stage } from './stage';

const ID = '01900000-0000-7000-8000-00000000c001';
const hall: Candidate = {
  id: ID, area: '640121100201', town: '望远镇', area_name: '望远村', key: '640121100#1', no: '1', name: '文化礼堂', kind: '礼堂', lon: 106.2, lat: 38.2,
  lanes: 3, setting: 'indoor', parking: true, barred: false, remarks: '', changed_at: '2022-06-01T09:00:00+08:00', withdrawn_at: null, withdrawn_for: '',
};
const listed = (one: Candidate) => ({ '/api/candidates': { body: { items: [one], next: null, as_of: one.changed_at } } });
const written = { '/api/commands': { body: { verdicts: [] } } };
const features: readonly Feature[] = [
  { properties: { layer: 'candidate', key: ID, name: '文化礼堂', given: true as unknown as number, lock: '' }, geometry: { type: 'Point', coordinates: [106.2, 38.2] } },
  { properties: { layer: 'candidate', key: 'made', name: '', given: false as unknown as number, lock: '' }, geometry: { type: 'Point', coordinates: [106.3, 38.3] } },
];

eachAnew();

const UNLOCKED = { locks: {}, locked: { stay: [], never: [] } };

describe('a place on the map', () => {
  const map = { features, chosen: '', circles: false, others: false, routes: false, route: '', label: '地图' };

  it('can be taken hold of only while places are moved, and only where the county gave it', async () => {
    await stage(PlanMap, map);
    expect(document.querySelectorAll('.hold')).toHaveLength(0);
    document.body.innerHTML = '';
    await stage(PlanMap, { ...map, moving: true });
    expect([...document.querySelectorAll('.hold')].map((one) => one.getAttribute('aria-label'))).toEqual(['移动“文化礼堂”']);
  });

  it('goes ten metres with an arrow, a hundred with Shift', async () => {
    const page = await stage(PlanMap, { ...map, moving: true });
    const hold = document.querySelector('.hold')!;
    hold.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp' }));
    hold.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', shiftKey: true }));
    hold.dispatchEvent(new KeyboardEvent('keydown', { key: 'Tab' }));
    const moves = page.emitted('move') as [string, Place][];
    expect(moves.map(([key, to]) => [key, Math.round(metresBetween([106.2, 38.2], to))])).toEqual([[ID, 10], [ID, 100]]);
    expect(moves[0]![1][1]).toBeGreaterThan(38.2);
    expect(moves[1]![1][0]).toBeLessThan(106.2);
  });
});

describe('moves of the list', () => {
  it('are told in metres, saved with everything else as it was, and undone', async () => {
    const sent: Sent[] = [];
    serve({ ...signedIn('plan_round'), ...listed(hall), ...written }, sent);
    const moved = ref<Readonly<Record<string, Place>>>({});
    const page = await stage(PlanMoves, { moved: moved.value, 'onUpdate:moved': (now: Readonly<Record<string, Place>>) => { moved.value = now; } });
    expect(moved.value[ID]).toEqual([106.2, 38.2]);
    await page.setProps({ moved: { [ID]: [106.2, 38.201] } });
    expect(page.text()).toContain('移动 111 米');
    await press('保存新位置');
    expect(sent).toMatchObject([{ kind: 'candidate.set', payload: { candidate_id: ID, lon: 106.2, lat: 38.201, name: '文化礼堂', no: '1', lanes: 3, parking: true } }]);
    await press('撤销');
    expect(sent[1]).toMatchObject({ kind: 'candidate.set', payload: { candidate_id: ID, lon: 106.2, lat: 38.2 } });
    expect(page.text()).not.toContain('撤销');
  });

  it('are put back before they are saved, and coordinates that are none are not taken', async () => {
    const sent: Sent[] = [];
    serve({ ...signedIn('plan_round'), ...listed(hall), ...written }, sent);
    const moved = ref<Readonly<Record<string, Place>>>({ [ID]: [106.21, 38.2] });
    const page = await stage(PlanMoves, { moved: moved.value, 'onUpdate:moved': (now: Readonly<Record<string, Place>>) => { moved.value = now; } });
    const field = document.querySelector<HTMLInputElement>('input[aria-label="纬度"]')!;
    field.value = '138';
    field.dispatchEvent(new Event('change'));
    await nextTick();
    expect(moved.value[ID]).toEqual([106.21, 38.2]);
    field.value = '38.25';
    field.dispatchEvent(new Event('change'));
    expect(moved.value[ID]).toEqual([106.21, 38.25]);
    await press('放回原处');
    expect(moved.value[ID]).toEqual([106.2, 38.2]);
    expect(sent).toEqual([]);
    await page.setProps({ moved: moved.value });
    expect(page.text()).not.toContain('放回原处');
  });
});

it('brings back what was withdrawn from the list', async () => {
  const sent: Sent[] = [];
  serve({ ...signedIn('plan_round'), ...listed(hall), ...written }, sent);
  const page = await stage(CandidatesPanel, {});
  await press('撤下');
  await reason('屋顶漏水');
  expect(page.text()).toContain('已撤下“文化礼堂”');
  await press('撤销');
  expect(sent.map((one) => one.kind)).toEqual(['candidate.withdraw', 'candidate.restore']);
  expect(page.text()).not.toContain('已撤下“文化礼堂”');
});

it('tells what the next plan is made around, asks for it, and lets it go at once', async () => {
  const sent: Sent[] = [];
  serve({ ...signedIn('plan_round'), ...written }, sent);
  const never = ['一', '二', '三', '四', '五', '六', '七'].map((one) => `${one}号点`);
  const page = await stage(PlanSearchPanel, { roundId: made.round.id, planId: '', locks: { hall: 'stay' }, locked: { stay: ['文化礼堂'], never } });
  expect(page.text()).toContain('保留 文化礼堂；不设 一号点、二号点、三号点、四号点、五号点、六号点等 7 处');
  await press('编制方案');
  expect(sent[0]!.payload['options']).toMatchObject({ locks: { hall: 'stay' } });
  await press('全部解除');
  expect(page.emitted('unlock')).toHaveLength(1);
  expect((await stage(PlanSearchPanel, { roundId: made.round.id, planId: '', ...UNLOCKED })).text()).not.toContain('全部解除');
});

it('asks for at most so many sites, and says in a sentence why a plan could not be made', async () => {
  const sent: Sent[] = [];
  const failed = { plan_id: ID, state: 'failed', stage: '', done: 0, cost: null, bound: null, stop_asked: false, error: 'planning.too_few_sites', says: '固定采样点最多 3 个不够', do: '请放宽', options: {}, asked_at: hall.changed_at };
  serve({ ...signedIn('plan_round'), ...written, [`/api/rounds/${made.round.id}/plan-searches`]: { body: { items: [failed], as_of: hall.changed_at } } }, sent);
  const page = await stage(PlanSearchPanel, { roundId: made.round.id, planId: '', ...UNLOCKED });
  expect(page.text()).toContain('固定采样点最多 3 个不够 请放宽');
  await press('编制方案');
  expect(sent[0]!.payload['options']).not.toHaveProperty('most_sites');
  const field = document.querySelector<HTMLInputElement>('#most-sites')!;
  field.focus();
  field.value = '40';
  field.dispatchEvent(new InputEvent('input', { data: '40' }));
  field.dispatchEvent(new FocusEvent('blur'));
  await settled();
  await press('编制方案');
  expect(sent[1]!.payload['options']).toMatchObject({ most_sites: 40 });
});

it('shows what the preset says of each rule, begins there and widens a slider that would not reach', async () => {
  const sent: Sent[] = [];
  const rules = {
    'sites.walking_circle': { value: 15, low: null, high: 15 }, 'sites.people_per_site': { value: null, low: 800, high: 1500 }, 'sites.people_per_lane': { value: 1800, low: null, high: null },
  };
  serve({ ...signedIn('plan_round'), ...written, [`/api/rounds/${made.round.id}/plans`]: { body: { items: [], rules, as_of: hall.changed_at } }, [`/api/rounds/${made.round.id}/plan-searches`]: { body: { items: [], as_of: hall.changed_at } } }, sent);
  await stage(PlanSearchPanel, { roundId: made.round.id, planId: '', ...UNLOCKED });
  const told = () => [...document.querySelectorAll('.rule')].map((one) => [one.querySelector('strong')!.textContent, one.querySelector('input')!.value, one.querySelector('input')!.max]);
  expect(told()).toEqual([['按预案 15', '15', '30'], ['按预案 800–1,500', '1500', '5000'], ['按预案 1,800', '1800', '1800'], ['按预案', '30', '200']]);
  const circle = document.querySelector<HTMLInputElement>('.rule input')!;
  circle.value = '20';
  circle.dispatchEvent(new InputEvent('input'));
  await settled();
  expect(told()[0]).toEqual(['20', '20', '30']);
  await press('编制方案');
  expect(sent[0]!.payload['options']).toMatchObject({ rules: { 'sites.walking_circle': 20 } });
  await press('恢复预案值');
  expect(told()[0]).toEqual(['按预案 15', '15', '30']);
});

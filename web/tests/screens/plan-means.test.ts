// @vitest-environment jsdom
/** People and goods of a plan: gaps are told, names and stores shown, a site's sheet goes on paper. */
import { describe, expect, it } from 'vitest';

import type { PlanCrew, PlanGoods } from '@/api/plan-means';
import { queryClient } from '@/api/query';
import PlanCrewPanel from '@/rooms/rounds/PlanCrewPanel.vue';
import PlanGoodsPanel from '@/rooms/rounds/PlanGoodsPanel.vue';
import PlanSearchPanel from '@/rooms/rounds/PlanSearchPanel.vue';
import PlanSheetPage from '@/rooms/rounds/PlanSheetPage.vue';

import * as made from '../mock/answers';
import { button, eachAnew, press, type Sent, serve, settled, signedIn, stage } from './stage';

const ROUND = made.round.id;
const PLAN = '01900000-0000-7000-8000-000000000602';
const SITE = '640121400201001';
const [START, END] = ['2022-06-02T07:00:00+08:00', '2022-06-02T11:00:00+08:00'];
const head = signedIn('plan_round');

eachAnew();

const UNLOCKED = { locks: {}, locked: { stay: [], never: [] } };

const crew: PlanCrew = {
  plan_id: PLAN, version: 2, told: true, known: true,
  jobs: [{ job: '采样员', wanted: 6, filled: 4, short: 2, standby_wanted: 2, standby: 0, rule: 'staffing.lane.sampler', rule_name: '每通道采样员', origin: 'S4/YN R34' }],
  units: [{ id: 'u1', name: '县医院', people: 4, least: 0, most: 4, sent: 4, jobs: [{ unit: '采样员', people: 4 }], buses: 1 }],
  asks: [{ job: '采样员', area: '永宁县', above: '银川市', task: 6, people: 4, ask: 4 }],
  teams: [{ code: 'E-1', kind: '应急复采队', area: '望远镇', doors: 0, members: [], wanted: 3, filled: 0 }],
  standby: [],
  sites: [{ code: SITE, name: '望远村采样点', lanes: 1, wanted: 6, filled: 4 }],
  site: {
    code: SITE, name: '望远村采样点',
    hours: [{ start: START, end: END, people: 80, needed: 1, staffed: 1 }],
    shifts: [{ start: START, end: END, team: 'A', job: '采样员', wanted: 2, filled: 1, units: [{ unit: '县医院', people: 1 }], names: ['采样员001'] }],
  },
};
const goods: PlanGoods = {
  plan_id: PLAN, version: 2, told: true, known: true, lead_hours: 24, weather: ['雨雪'],
  items: [{ item: 'tent', name: '帐篷', unit: '件', wanted: 4, covered: 1, missing: 3, ask_by: '2022-06-01T07:00:00+08:00', stores: [{ place: '县库房', quantity: 1 }] }],
  asks: [{ name: '帐篷', unit: '件', area: '永宁县', above: '银川市', wanted: 4, stock: 1 }],
  sites: [{ code: SITE, name: '望远村采样点', items: 1, missing: 1 }],
  site: { code: SITE, name: '望远村采样点', team: false, lines: [{ item: 'tent', name: '帐篷', unit: '件', quantity: 4, why: ['每通道帐篷'], stores: [{ place: '县库房', quantity: 1 }], missing: 3, ask_by: '2022-06-01T07:00:00+08:00' }] },
};
const answers = (more: Partial<PlanCrew> = {}, kept: Partial<PlanGoods> = {}) => ({ ...head, [`/api/plans/${PLAN}/crew`]: { body: { ...crew, ...more } }, [`/api/plans/${PLAN}/goods`]: { body: { ...goods, ...kept } } });
const props = { roundId: ROUND, planId: PLAN, site: '' };

describe('people of a plan', () => {
  it('tells the gap with its rule, who is called and whom to ask', async () => {
    serve(answers());
    const page = (await stage(PlanCrewPanel, props)).text();
    for (const said of ['每通道采样员 S4/YN R34', '县医院 1 人', '采样员001', '采样员 A组', '永宁县 请求 银川市', '没有空余人员可作替补']) expect(page).toContain(said);
  });

  it('says what to do where nobody is registered, and where a plan is too old', async () => {
    serve(answers({ known: false, units: [] }));
    expect((await stage(PlanCrewPanel, props)).text()).toContain('没有登记工作人员');
    queryClient.clear();
    serve(answers({ told: false }));
    expect((await stage(PlanCrewPanel, props)).text()).toContain('请重新编制方案');
  });
});

describe('how many each institution sends', () => {
  async function given(side: string, value: string): Promise<void> {
    const field = document.querySelector<HTMLInputElement>(`input[aria-label="县医院${side}出人"]`)!;
    field.value = value;
    field.dispatchEvent(new Event('change'));
    await settled();
  }

  it('goes with the next plan, unless it contradicts itself', async () => {
    const sent: Sent[] = [];
    serve({ ...answers(), [`/api/rounds/${ROUND}/plan-searches`]: { body: { items: [], as_of: START } } }, sent);
    const page = await stage(PlanSearchPanel, { roundId: ROUND, planId: PLAN, ...UNLOCKED });
    const list = document.querySelector('details')!;
    list.open = true;
    list.dispatchEvent(new Event('toggle'));
    await settled();
    await given('最少', '3');
    await given('最多', '2');
    expect(page.text()).toContain('最少人数大于最多人数');
    expect(button('编制方案').disabled).toBe(true);
    await given('最多', '4');
    await press('编制方案');
    expect(sent.map((one) => one.payload['options'])).toEqual([expect.objectContaining({ quotas: { u1: { least: 3, most: 4 } } })]);
  });

  it('says that a first plan tells who has people', async () => {
    serve(answers());
    expect((await stage(PlanSearchPanel, { roundId: ROUND, planId: '', ...UNLOCKED })).text()).toContain('先编制一版方案');
  });
});

describe('goods of a plan', () => {
  it('tells what is missing, by when, from where the rest comes and who asks whom', async () => {
    serve(answers());
    const page = (await stage(PlanGoodsPanel, props)).text();
    for (const said of ['24 小时申领', '县库房 供 1', '4 件', '雨雪', '每通道帐篷', '6月1日']) expect(page).toContain(said);
  });

  it('prints a sheet for a site, not for a moving team', async () => {
    const link = `a[href*="/sheets/"]`;
    serve(answers());
    await stage(PlanGoodsPanel, props);
    expect(document.querySelector(link)).not.toBeNull();
    document.body.innerHTML = '';
    queryClient.clear();
    serve(answers({}, { site: { ...goods.site!, code: 'E-1', name: '望远镇应急复采队01', team: true } }));
    const page = await stage(PlanGoodsPanel, props);
    expect(page.text()).toContain('帐篷');
    expect(document.querySelector(link)).toBeNull();
  });

  it('says that no store is kept', async () => {
    serve(answers({}, { known: false, asks: [] }));
    expect((await stage(PlanGoodsPanel, props)).text()).toContain('没有登记库存');
  });
});

it('puts one site on paper: hours, names, vacancies, goods', async () => {
  serve(answers());
  const page = (await stage(PlanSheetPage, { ...props, site: SITE })).text();
  for (const said of ['望远村采样点', '采样员001', '缺 1 人', '帐篷', '点长签字']) expect(page).toContain(said);
});

// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type { ChainStep } from '@/api/shapes';
import { useLanguage } from '@/i18n';
import ChainPage from '@/rooms/persons/ChainPage.vue';
import SearchPage from '@/rooms/persons/SearchPage.vue';

import * as made from '../mock/answers';
import { serve, settled, stage } from './stage';

const ID = made.detail.person.id;

beforeEach(() => {
  useLanguage('zh-CN', { remember: false });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

it('asks for nobody until two characters are typed, and leaves no trace of them in the address', async () => {
  const asked = serve({ '/api/persons': { body: made.page(made.persons) } });
  const page = await stage(SearchPage, {});
  await page.get('input').setValue('张');
  await page.get('form').trigger('submit');
  await settled();
  expect(asked).toEqual([]);
  await page.get('input').setValue('张国');
  await page.get('form').trigger('submit');
  await settled();
  expect(asked).toEqual(['GET /api/persons']);
  expect(page.findAll('tbody tr')).toHaveLength(2);
  expect(page.get('tbody a').attributes('href')).toBe(`/console/persons/${ID}`);
  expect(location.href).not.toContain('张');
});

it('says what to try when nobody is found', async () => {
  serve({ '/api/persons': { body: made.page([]) } });
  const page = await stage(SearchPage, {});
  await page.get('input').setValue('无此人');
  await page.get('form').trigger('submit');
  await settled();
  expect(page.text()).toContain('没有查到');
});

it('tells one person’s custody in order, names the day where it changes, and shows flags', async () => {
  serve({ [`/api/persons/${ID}`]: { body: made.detail }, [`/api/persons/${ID}/chain`]: { body: made.chain } });
  const page = await stage(ChainPage, { personId: ID });
  const steps = page.findAll('ol li').map((item) => item.text());
  expect(steps).toHaveLength(made.chain.steps.length);
  expect(steps[0]).toContain('列入应检名单');
  expect(steps.at(-1)).toContain('阴性');
  expect(page.findAll('.day').map((day) => day.text())).toEqual(['2022年3月14日 周一', '2022年3月15日 周二']);
  expect(steps[1]).toContain('应单采而混采');
});

it('says why somebody was excused or missed in the reader’s words, and words of before as they stand', async () => {
  const [first] = made.chain.steps;
  const step = (kind: string, facts: ChainStep['facts'], who = ''): ChainStep => ({ ...first!, kind, where: '', who, facts });
  const steps = [
    step('excused', { reason: 'in_hospital' }, '王秀兰'), step('excused', { reason: 'other', remark: '在看守所' }), step('excused', { reason: '外出未归' }),
    step('missed', { reason: 'result_corrected' }, 'round_planner'), step('swab_voided', { reason: '扫错人' }),
  ];
  serve({ [`/api/persons/${ID}`]: { body: made.detail }, [`/api/persons/${ID}/chain`]: { body: { ...made.chain, steps } } });
  const page = await stage(ChainPage, { personId: ID });
  const told = page.findAll('ol li').map((item) => item.text());
  expect([told[0]?.includes('住院，由医院采样'), told[0]?.includes('王秀兰'), told[0]?.includes('in_hospital')]).toEqual([true, true, false]);
  for (const part of ['其他', '备注', '在看守所']) expect(told[1]).toContain(part);
  expect(told[2]).toContain('外出未归');
  for (const part of ['结果更正', '方案编制员']) expect(told[3]).toContain(part);
  expect(told[4]).toContain('扫错人');
  useLanguage('en', { remember: false });
  await settled();
  expect(page.findAll('ol li')[0]!.text()).toContain('In hospital, tested there');
});

it('shows nothing of a person outside the reader’s area but the refusal', async () => {
  const refusal = { code: 'population.person_unknown', says: '没有这个人。', do: '请重新查询。', params: {} };
  serve({
    [`/api/persons/${ID}`]: { status: 404, body: refusal },
    [`/api/persons/${ID}/chain`]: { status: 404, body: refusal },
  });
  const page = await stage(ChainPage, { personId: ID });
  expect(page.get('[role=alert]').text()).toContain('population.person_unknown');
  expect(page.find('ol').exists()).toBe(false);
});

// @vitest-environment jsdom
/** The due list: who is on it and why not, excused, taken back, and added to. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { queryClient } from '@/api/query';
import type { DueRow, RoundWhole } from '@/api/shapes';
import { useLanguage } from '@/i18n';
import DuePage from '@/rooms/rounds/DuePage.vue';

import * as made from '../mock/answers';
import { type Answers, button, press, reason, type Sent, serve, settled, signedIn, stage } from './stage';

const ROUND = made.round.id;
const LIST = `/api/rounds/${ROUND}/due`;
const counts = { due: 1, sampled: 0, resulted: 0, excused: 1, missed: 0, total: 2, added: 0, caught_up: 0, swabbed: 0, home: 0, single: 0 };
const round: RoundWhole = { ...made.round, counts, excuses: ['left_area', 'deceased'], as_of: made.round.window_start };
const someone: DueRow = {
  id: 'd1', person_id: 'p1', name: '张*国', id_tail: '123X', phone_tail: '4567', address: '永发村', household_id: null, area: '231183104201', rank: 3, category: 'general', mode: 'pool',
  home: false, site_code: '', slot_start: null, state: 'due', sampled_at: null, resulted_at: null, outcome: null, reason: '', owner: '', caught_up_at: null, added: false,
};
const away: DueRow = {
  ...someone, id: 'd2', person_id: 'p2', name: '李*', state: 'excused', reason: 'left_area',
  excused_how: { at: '2022-03-15T08:30:00+08:00', who: '王秀兰', reason: 'left_area', remark: '去外省务工' },
};
const told: Answers = { [`/api/rounds/${ROUND}`]: { body: round }, [LIST]: { body: made.page([someone, away]) }, '/api/regions': { body: made.page([]) }, '/api/commands': { body: { verdicts: [{ id: ROUND, verdict: 'applied', answer: { added: 1 } }] } } };

beforeEach(() => {
  useLanguage('zh-CN', { remember: false });
  queryClient.clear();
});
afterEach(() => {
  document.body.innerHTML = '';
  vi.unstubAllGlobals();
});

it('says beside everybody why they are excused, by whom and when', async () => {
  serve({ ...signedIn('see_persons', 'mark_due'), ...told });
  const page = await stage(DuePage, { roundId: ROUND });
  const line = page.findAll('tbody tr')[1]!.text();
  for (const part of ['免检', '已离开本地', '去外省务工', '王秀兰', '08:30']) expect(line).toContain(part);
  page.unmount();
});

it('is only read by whoever may not decide, and by everybody once the round is over', async () => {
  for (const [permissions, state] of [[['see_persons'], 'sampling'], [['see_persons', 'mark_due'], 'closed']] as const) {
    serve({ ...signedIn(...permissions), ...told, [`/api/rounds/${ROUND}`]: { body: { ...round, state } } });
    const page = await stage(DuePage, { roundId: ROUND });
    expect(page.findAll('tbody tr')).toHaveLength(2);
    expect(() => button('免检')).toThrow();
    expect(() => button('补录人员')).toThrow();
    page.unmount();
    document.body.innerHTML = '';
  }
});

it('excuses somebody by a reason of the preset', async () => {
  const sent: Sent[] = [];
  serve({ ...signedIn('see_persons', 'mark_due'), ...told }, sent);
  const page = await stage(DuePage, { roundId: ROUND });
  await press('免检');
  expect(button('免检').disabled).toBe(true);
  document.querySelector<HTMLInputElement>('[role=dialog] input[value=deceased]')!.click();
  await settled();
  document.querySelector('[role=dialog] form')!.dispatchEvent(new Event('submit', { cancelable: true }));
  await settled();
  expect(sent).toMatchObject([{ kind: 'due.excuse', payload: { round_id: ROUND, person_id: 'p1', reason: 'deceased', remark: '' } }]);
  expect(page.text()).toContain('张*国已记免检');
  page.unmount();
});

it('takes an excuse back with a reason', async () => {
  const sent: Sent[] = [];
  serve({ ...signedIn('see_persons', 'mark_due'), ...told }, sent);
  const page = await stage(DuePage, { roundId: ROUND });
  await press('撤回免检');
  await reason('人已回来');
  expect(sent).toMatchObject([{ kind: 'due.reinstate', payload: { round_id: ROUND, person_id: 'p2', reason: '人已回来' } }]);
  expect(page.text()).toContain('李*的免检已撤回');
  page.unmount();
});

it('adds only people of the round who are not on its list', async () => {
  const sent: Sent[] = [];
  const [first, second] = made.persons;
  const found = [{ ...first!, area: '231183104201' }, { ...second!, id: 'p1', area: '231183104201' }, { ...second!, id: 'p9', area: '640121001001' }];
  serve({ ...signedIn('see_persons', 'mark_due'), ...told, '/api/persons': { body: made.page(found) } }, sent);
  const page = await stage(DuePage, { roundId: ROUND });
  await press('补录人员');
  const dialog = document.querySelector('[role=dialog]')!;
  const [search, choice] = [...dialog.querySelectorAll('form')];
  const type = async (field: HTMLInputElement, text: string): Promise<void> => {
    field.value = text;
    field.dispatchEvent(new Event('input'));
    await settled();
  };
  await type(search!.querySelector('input')!, '张国');
  search!.dispatchEvent(new Event('submit', { cancelable: true }));
  await settled();
  const boxes = [...choice!.querySelectorAll<HTMLInputElement>('input[type=checkbox]')];
  expect(boxes.map((box) => box.disabled)).toEqual([false, true, true]);
  boxes[0]!.click();
  await settled();
  expect(button('补录 1 人').disabled).toBe(true);
  await type(choice!.querySelector<HTMLInputElement>('input[maxlength="120"]')!, '新迁入');
  choice!.dispatchEvent(new Event('submit', { cancelable: true }));
  await settled();
  expect(sent).toMatchObject([{ kind: 'due.add', payload: { round_id: ROUND, person_ids: [first!.id], reason: '新迁入' } }]);
  expect(page.text()).toContain('已补录 1 人');
  page.unmount();
});

const late: DueRow = { ...someone, id: 'd3', person_id: 'p3', name: '赵*军', added: true, added_by: 'c1', added_how: { at: '2022-03-15T08:30:00+08:00', who: '王秀兰', reason: '新迁入', remark: '' } };
const group = [late, { ...late, id: 'd4', person_id: 'p4', name: '钱*' }, { ...late, id: 'd5', person_id: 'p5', state: 'sampled', sampled_at: '2022-03-15T09:00:00+08:00' }];
const submitted = async (): Promise<void> => {
  document.querySelector('[role=dialog] form')!.dispatchEvent(new Event('submit', { cancelable: true }));
  await settled();
};
const says = async (text: string): Promise<void> => {
  const field = document.querySelector<HTMLInputElement>('[role=dialog] input[maxlength="120"]')!;
  field.value = text;
  field.dispatchEvent(new Event('input'));
  await settled();
};

it('takes out again who was added by mistake: one, or all of the same go of whom nothing is recorded', async () => {
  for (const [all, people] of [[false, ['p4']], [true, ['p3', 'p4']]] as const) {
    const sent: Sent[] = [];
    serve({ ...signedIn('see_persons', 'mark_due'), ...told, [LIST]: { body: made.page(group) }, '/api/commands': { body: { verdicts: [{ id: ROUND, verdict: 'applied', answer: { withdrawn: people.length } }] } } }, sent);
    const page = await stage(DuePage, { roundId: ROUND });
    expect(page.findAll('tbody tr').map((row) => row.text().includes('撤销补录'))).toEqual([true, true, false]);
    await press('撤销补录');
    document.querySelectorAll<HTMLInputElement>('[role=dialog] input[type=radio]')[all ? 1 : 0]!.click();
    await settled();
    const dialog = document.querySelector('[role=dialog]')!.textContent;
    expect(dialog.includes('另外 1 人')).toBe(all);
    expect(dialog).toContain('误补录');
    expect(button(`撤销补录 ${String(people.length)} 人`).disabled).toBe(true);
    await says('点错了村');
    await submitted();
    expect(sent).toMatchObject([{ kind: 'due.withdraw', payload: { round_id: ROUND, person_ids: people, remark: '点错了村' } }]);
    expect(page.text()).toContain(`已撤销补录 ${String(people.length)} 人`);
    page.unmount();
    document.body.innerHTML = '';
    queryClient.clear();
  }
});

it('shows a refusal that names who cannot be taken out', async () => {
  const refusal = { code: 'campaigns.added_recorded', params: {}, says: '赵*军（共 1 人）已有采样、结果或免检记录', do: '' };
  serve({ ...signedIn('see_persons', 'mark_due'), ...told, [LIST]: { body: made.page([late]) }, '/api/commands': { status: 409, body: refusal } });
  const page = await stage(DuePage, { roundId: ROUND });
  await press('撤销补录');
  await says('点错了村');
  await submitted();
  expect(document.querySelector('[role=alert]')!.textContent).toContain('赵*军');
  page.unmount();
});

it('offers the same people as a file to whoever may take lists out', async () => {
  for (const permissions of [['see_persons'], ['see_persons', 'export']] as const) {
    serve({ ...signedIn(...permissions), ...told });
    const page = await stage(DuePage, { roundId: ROUND });
    await page.findAll('.parts button')[4]!.trigger('click');
    expect(page.findAll('a[download]').map((link) => link.attributes('href'))).toEqual(permissions.length === 1 ? [] : [`/api/rounds/${ROUND}/due.xlsx?state=excused`]);
    page.unmount();
    queryClient.clear();
  }
});

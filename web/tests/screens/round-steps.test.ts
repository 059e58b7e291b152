// @vitest-environment jsdom
/** A round is taken from step to step by clicks that are asked twice, by whoever may. */
import { describe, expect, it, vi } from 'vitest';

import type { RoundWhole } from '@/api/shapes';
import RoundSteps from '@/rooms/rounds/RoundSteps.vue';

import * as made from '../mock/answers';
import { type Answers, button, eachAnew, press, reason, type Sent, serve, signedIn, stage } from './stage';

const ROUND = made.round.id;
const counts = { due: 0, sampled: 0, resulted: 0, excused: 0, missed: 0, total: 0, added: 0, caught_up: 0, swabbed: 0, home: 0, single: 0 };
const draft: RoundWhole = { ...made.round, state: 'draft', approved_at: null, frozen_at: null, activated_at: null, due_total: null, counts, excuses: [], as_of: made.round.window_start };
const frozen: RoundWhole = { ...draft, frozen_at: made.round.frozen_at, due_total: 7409, counts: { ...counts, due: 7409, total: 7409 } };
const told = (round: RoundWhole): Answers => ({ [`/api/rounds/${ROUND}`]: { body: round }, [`/api/rounds/${ROUND}/plans`]: { body: made.page([]) } });
const answered = (answer: Record<string, unknown>): Answers => ({ '/api/commands': { body: { verdicts: [{ id: ROUND, verdict: 'applied', answer }] } } });

eachAnew();

describe('the next step of a round', () => {
  it('is asked twice, with its effect, and told when it was taken', async () => {
    const sent: Sent[] = [];
    serve({ ...signedIn('plan_round'), ...told(draft), ...answered({ due_total: 7409 }) }, sent);
    const page = await stage(RoundSteps, { roundId: ROUND });
    await press('冻结应检名单');
    expect(document.body.textContent).toContain('冻结后不能重做');
    expect(sent).toEqual([]);
    await press('确认冻结应检名单');
    expect(sent).toMatchObject([{ kind: 'round.freeze', payload: { round_id: ROUND } }]);
    expect(page.text()).toContain('应检 7,409 人');
    page.unmount();
  });

  it('belongs to whoever may: others read who takes it', async () => {
    serve({ ...signedIn('plan_round'), ...told(frozen) });
    const page = await stage(RoundSteps, { roundId: ROUND });
    expect(page.text()).toContain('下一步：批准轮次');
    expect(page.text()).toContain('由指挥长办理');
    expect(() => button('批准轮次')).toThrow();
    expect(() => button('取消轮次')).toThrow();
    page.unmount();
  });

  it('names the number approved, and says why it was refused', async () => {
    serve({ ...signedIn('approve_round'), ...told(frozen), '/api/commands': { status: 409, body: { code: 'campaigns.round_state', says: '轮次现在是“approved”', do: '请刷新' } } });
    const page = await stage(RoundSteps, { roundId: ROUND });
    await press('批准轮次');
    expect(document.body.textContent).toContain('应检 7,409 人');
    await press('确认批准轮次');
    expect(document.querySelector('[role=alert]')!.textContent).toContain('轮次现在是');
    page.unmount();
  });

  it('tells before the close who is not accounted for', async () => {
    serve({ ...signedIn('close_round'), ...told({ ...frozen, state: 'reconciling', counts: { ...counts, due: 3, sampled: 2, resulted: 7404, total: 7409 } }) });
    const page = await stage(RoundSteps, { roundId: ROUND });
    await press('收口');
    expect(document.body.textContent).toContain('还有 3 人未采、2 人等结果');
    page.unmount();
  });
});

it('sends the same command again when the answer was lost', async () => {
  const bodies: { id: string; at: string }[] = [];
  serve({ ...signedIn('plan_round'), ...told(draft) });
  const asked = fetch;
  vi.stubGlobal('fetch', async (request: Request) => {
    if (!request.url.endsWith('/api/commands')) return asked(request);
    bodies.push(...((await request.json()) as { commands: { id: string; at: string }[] }).commands);
    throw new TypeError('Failed to fetch');
  });
  const page = await stage(RoundSteps, { roundId: ROUND });
  await press('冻结应检名单');
  await press('确认冻结应检名单');
  expect(document.querySelector('[role=alert]')!.textContent).toContain('连不上服务器');
  await press('确认冻结应检名单');
  expect(bodies).toHaveLength(2);
  expect(bodies[1]).toEqual(bodies[0]);
  page.unmount();
});

it('marks everybody not swabbed as missed, with an owner and a reason, once the sampling is over', async () => {
  const sent: Sent[] = [];
  const testing = { ...frozen, state: 'testing', counts: { ...counts, due: 3, resulted: 7406, total: 7409 } };
  serve({ ...signedIn('mark_due'), ...told(testing), ...answered({ missed: 3 }) }, sent);
  const page = await stage(RoundSteps, { roundId: ROUND });
  await press('未采记为漏检');
  expect(document.body.textContent).toContain('未采的 3 人记为漏检');
  expect(button('确认记为漏检').disabled).toBe(true);
  const fields = [...document.querySelectorAll<HTMLInputElement>('[role=dialog] input')];
  for (const [at, text] of ['永发村', '外出未归'].entries()) {
    fields[at]!.value = text;
    fields[at]!.dispatchEvent(new Event('input'));
  }
  document.querySelector('[role=dialog] form')!.dispatchEvent(new Event('submit', { cancelable: true }));
  await vi.waitFor(() => { expect(page.text()).toContain('已记漏检 3 人'); });
  expect(sent).toMatchObject([{ kind: 'due.miss', payload: { round_id: ROUND, owner: '永发村', reason: '外出未归' } }]);
  page.unmount();
});

it('leaves those not swabbed alone while the sampling lasts', async () => {
  serve({ ...signedIn('mark_due'), ...told({ ...frozen, state: 'sampling' }) });
  const page = await stage(RoundSteps, { roundId: ROUND });
  expect(page.text()).toContain('下一步：转入检测');
  expect(page.find('button').exists()).toBe(false);
  page.unmount();
});

it('calls a round off with a reason, for the command', async () => {
  const sent: Sent[] = [];
  serve({ ...signedIn('approve_round'), ...told(frozen), ...answered({ state: 'cancelled' }) }, sent);
  const page = await stage(RoundSteps, { roundId: ROUND });
  await press('取消轮次');
  await reason('范围有误');
  expect(sent).toMatchObject([{ kind: 'round.cancel', payload: { round_id: ROUND, reason: '范围有误' } }]);
  page.unmount();
});

it('shows nothing to do once a round is over', async () => {
  serve({ ...signedIn('approve_round'), ...told({ ...frozen, state: 'cancelled', ended_reason: '范围有误' }) });
  const page = await stage(RoundSteps, { roundId: ROUND });
  expect(page.text()).toContain('已取消：范围有误');
  expect(page.find('button').exists()).toBe(false);
  page.unmount();
});

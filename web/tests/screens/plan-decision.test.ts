// @vitest-environment jsdom
/** A plan is put in force or aside by a click that is asked twice, by whoever may, once in a round. */
import { describe, expect, it } from 'vitest';

import type { Plan } from '@/api/plans';
import PlanDecision from '@/rooms/rounds/PlanDecision.vue';

import * as made from '../mock/answers';
import { button, eachAnew, press, type Sent, serve, signedIn, stage } from './stage';

const plan: Plan = {
  id: '01900000-0000-7000-8000-000000000602', round_id: made.round.id, area: '640121', version: 2, state: 'proposed', made_at: '2022-06-01T09:00:00+08:00',
  applied_at: null, totals: { sites: 3, lanes: 7, people: 4100, vehicles: 2 }, forecast: {}, findings: { error: 2 }, siting: {},
};
const answered = { '/api/commands': { body: { verdicts: [{ id: plan.id, verdict: 'applied', answer: { sites: 3, people: 4100, laboratories: 1, posts: 0 } }] } } };

eachAnew();

describe('a plan that waits', () => {
  it('is put in force after its effect and its broken rules were told', async () => {
    const sent: Sent[] = [];
    serve({ ...signedIn('approve_plan'), ...answered }, sent);
    const page = await stage(PlanDecision, { plan, plans: [plan] });
    await press('批准并启用');
    expect(document.body.textContent).toContain('开设 3 个采样点、7 个采样台，安排 4,100 人');
    expect(document.body.textContent).toContain('2 处不符合规则');
    expect(sent).toEqual([]);
    await press('确认启用');
    expect(sent).toMatchObject([{ kind: 'plan.apply', payload: { plan_id: plan.id } }]);
    expect(page.text()).toContain('分给 1 家检测机构');
  });

  it('says why it was refused', async () => {
    serve({ ...signedIn('approve_plan'), '/api/commands': { status: 409, body: { code: 'planning.plan_stale', says: '名单变了', do: '请重新编制' } } });
    await stage(PlanDecision, { plan, plans: [plan] });
    await press('批准并启用');
    await press('确认启用');
    expect(document.querySelector('[role=alert]')!.textContent).toContain('名单变了');
  });

  it('is put aside by whoever plans, who may not approve', async () => {
    const sent: Sent[] = [];
    serve({ ...signedIn('plan_round'), ...answered }, sent);
    const page = await stage(PlanDecision, { plan, plans: [plan] });
    expect(() => button('批准并启用')).toThrow();
    expect(page.text()).toContain('由有审批权限的人员');
    await press('作废');
    await press('确认作废');
    expect(sent.map((one) => one.kind)).toEqual(['plan.drop']);
  });
});

it('offers nothing once another plan of the round is in force', async () => {
  serve(signedIn('approve_plan'));
  const other = { ...plan, id: made.round.id, version: 1, state: 'applied' };
  const page = await stage(PlanDecision, { plan, plans: [plan, other] });
  expect(() => button('批准并启用')).toThrow();
  expect(page.text()).toContain('已启用第1版');
});

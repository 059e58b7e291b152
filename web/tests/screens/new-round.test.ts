// @vitest-environment jsdom
/** A round is drawn up from the list of rounds, by whoever plans rounds. */
import type { VueWrapper } from '@vue/test-utils';
import Select from 'primevue/select';
import { describe, expect, it } from 'vitest';

import RoundsPage from '@/rooms/rounds/RoundsPage.vue';

import * as made from '../mock/answers';
import { type Answers, button, eachAnew, press, type Sent, serve, settled, signedIn, stage } from './stage';

const planner: Answers = {
  ...signedIn('plan_round'),
  '/api/presets': { body: made.page([{ code: 'yongning', name: '永宁县方案', open_from: '06:30', open_to: '19:00' }, { code: 'yilaha', name: '伊拉哈镇做法', open_from: '09:00', open_to: '15:00' }]) },
  '/api/regions': { body: made.page([{ area: '231102104', name: '伊拉哈镇', children: 12 }]) },
  '/api/commands': { body: { verdicts: [] } },
};
const rounds = (...items: typeof made.round[]): Answers => ({ '/api/rounds': { body: made.page(items) } });
const send = async (): Promise<void> => {
  document.querySelector('[role=dialog] form')!.dispatchEvent(new Event('submit', { cancelable: true }));
  await settled();
};
/** Chooses in one of the dialog's drop-downs, as the screen reads it. */
async function choose(page: VueWrapper, label: string, value: string): Promise<void> {
  const found = page.findAllComponents(Select).find((one) => one.props('ariaLabel') === label)!;
  (found as VueWrapper).vm.$emit('update:modelValue', value);
  await settled();
}

eachAnew();

describe('a new round', () => {
  it('begins a campaign where there is none', async () => {
    const sent: Sent[] = [];
    serve({ ...planner, ...rounds() }, sent);
    const page = await stage(RoundsPage, {});
    await press('新建轮次');
    expect(button('建立').disabled).toBe(true);
    await choose(page, '执行方案', 'yongning');
    expect(button('建立').disabled).toBe(false);
    await send();
    expect(sent.map((one) => one.kind)).toEqual(['campaign.create', 'round.create']);
    expect(sent[0]!.payload).toMatchObject({ area: '231102104', name: '伊拉哈镇全员核酸检测' });
    expect(sent[1]!.payload).toMatchObject({ campaign_id: sent[0]!.payload['campaign_id'], no: 1, name: '第1轮检测', preset: { code: 'yongning' } });
    page.unmount();
  });

  it('takes its hours from the preset, until somebody writes others', async () => {
    serve({ ...planner, ...rounds() });
    const page = await stage(RoundsPage, {});
    await press('新建轮次');
    const [start, end] = [...document.querySelectorAll<HTMLInputElement>('[role=dialog] input[type=datetime-local]')] as [HTMLInputElement, HTMLInputElement];
    const hours = (): string[] => [start, end].map((field) => field.value.slice(11));
    expect(hours()).toEqual(['', '']);
    await choose(page, '执行方案', 'yongning');
    expect(hours()).toEqual(['06:30', '19:00']);
    await choose(page, '执行方案', 'yilaha');
    expect(hours()).toEqual(['09:00', '15:00']);
    start.value = `${start.value.slice(0, 11)}08:00`;
    start.dispatchEvent(new Event('input'));
    await settled();
    await choose(page, '执行方案', 'yongning');
    expect(hours()).toEqual(['08:00', '15:00']);
    page.unmount();
  });

  it('goes on from the last round of its campaign', async () => {
    const sent: Sent[] = [];
    serve({ ...planner, ...rounds(made.round) }, sent);
    const page = await stage(RoundsPage, {});
    await press('新建轮次');
    await choose(page, '筛查行动', made.round.campaign_id);
    await send();
    expect(sent).toMatchObject([{ kind: 'round.create', payload: { campaign_id: made.round.campaign_id, no: 2, area: made.round.area.code, name: '第2轮检测', preset: { code: made.round.preset.code } } }]);
    page.unmount();
  });

  it('says why it was refused', async () => {
    serve({ ...planner, ...rounds(made.round), '/api/commands': { status: 409, body: { code: 'campaigns.round_exists', says: '第2轮已经存在', do: '请换一个轮次号' } } });
    const page = await stage(RoundsPage, {});
    await press('新建轮次');
    await choose(page, '筛查行动', made.round.campaign_id);
    await send();
    expect(document.querySelector('[role=alert]')!.textContent).toContain('请换一个轮次号');
    page.unmount();
  });
});

it('offers nothing to those who do not plan rounds', async () => {
  serve({ ...signedIn('see_round'), ...rounds() });
  const page = await stage(RoundsPage, {});
  expect(page.text()).toContain('还没有检测轮次');
  expect(page.find('button').exists()).toBe(false);
  page.unmount();
});

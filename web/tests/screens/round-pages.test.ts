// @vitest-environment jsdom
/** The pages of a round's phones, codes and rehearsal, and the system's own status. */
import { describe, expect, it, vi } from 'vitest';

import type { Cadence, PoolSizes } from '@/api/choices';
import type { Lane } from '@/api/devices';
import type { Rehearsal } from '@/api/plans';
import { queryClient } from '@/api/query';
import ChoicesPage from '@/rooms/rounds/ChoicesPage.vue';
import CodesPage from '@/rooms/rounds/CodesPage.vue';
import DevicesPage from '@/rooms/rounds/DevicesPage.vue';
import RehearsalPage from '@/rooms/rounds/RehearsalPage.vue';
import StatusPage from '@/rooms/status/StatusPage.vue';

import * as made from '../mock/answers';
import { type Answers, button, eachAnew, press, reason, type Sent, serve, settled, signedIn, stage } from './stage';

const ROUND = made.round.id;
const AT = '2022-03-15T08:00:00+08:00';
const head = signedIn('invite_device', 'see_persons', 'maintain');
const fine = { '/api/commands': { body: { verdicts: [] } } };

eachAnew();

const lane = (no: number, more: Partial<Lane> = {}): Lane => ({
  site_id: made.round.id, site_code: 'S1', site_name: '永发村采样点', site_state: 'open', station_code: `S1-${no}`, area: '231183104201', state: 'none', devices: [], invitations: [], ...more,
});
const phone = { id: '01900000-0000-7000-8000-000000000801', name: '一号台手机', role: 'sampler', enrolled_at: AT, revoked_at: null, last_seq: 42, last_seen_at: AT, beat_at: AT, waiting: 0, stuck: 0, restored_at: null };
const lanes = (...items: Lane[]): Answers => ({ [`/api/rounds/${ROUND}/devices`]: { body: { items, as_of: AT } } });

describe('phones of the lanes', () => {
  it('counts lanes by what they have and invites all that have nothing, in one go', async () => {
    const sent: Sent[] = [];
    serve({ ...head, ...lanes(lane(1, { state: 'enrolled', devices: [phone] }), lane(2), lane(3)), ...fine }, sent);
    const page = await stage(DevicesPage, { roundId: ROUND });
    expect(page.text()).toContain('累计第 42 条');
    await press('生成登记码（2 台）');
    document.querySelector('[role=dialog] form')!.dispatchEvent(new Event('submit', { cancelable: true }));
    await settled();
    expect(sent.map((one) => [one.kind, one.payload['station_code']])).toEqual([['device.invite', 'S1-2'], ['device.invite', 'S1-3']]);
    page.unmount();
  });

  it('shuts a phone out only with a reason', async () => {
    const sent: Sent[] = [];
    serve({ ...head, ...lanes(lane(1, { state: 'enrolled', devices: [phone] })), ...fine }, sent);
    const page = await stage(DevicesPage, { roundId: ROUND });
    await press('停用');
    await reason('手机丢失');
    expect(sent).toMatchObject([{ kind: 'device.revoke', payload: { device_id: phone.id, reason: '手机丢失' } }]);
    page.unmount();
  });

  it('tells what still waits on a phone, what is stuck, and that it was restored from a backup', async () => {
    const behind = { ...phone, waiting: 137, stuck: 2, restored_at: AT };
    serve({ ...head, ...lanes(lane(1, { state: 'enrolled', devices: [behind] }), lane(2, { state: 'enrolled', devices: [phone] })) });
    const page = await stage(DevicesPage, { roundId: ROUND });
    const [first, second] = page.findAll('.what').map((one) => one.text());
    for (const part of ['137 条未上传', '2 条传不上来', '从备份恢复过']) expect(first).toContain(part);
    for (const part of ['未上传', '传不上来', '备份']) expect(second).not.toContain(part);
    page.unmount();
  });

  it('settles a restored phone with a reason, for whoever maintains', async () => {
    const sent: Sent[] = [];
    const restored = lanes(lane(1, { state: 'enrolled', devices: [{ ...phone, restored_at: AT }] }));
    serve({ ...head, ...signedIn('invite_device'), ...restored, ...fine });
    const asLead = await stage(DevicesPage, { roundId: ROUND });
    expect(() => button('已核对')).toThrow();
    asLead.unmount();
    queryClient.clear();
    serve({ ...head, ...restored, ...fine }, sent);
    const page = await stage(DevicesPage, { roundId: ROUND });
    await press('已核对');
    await reason('与架上核对无误');
    expect(sent).toMatchObject([{ kind: 'restored.settle', payload: { device_id: phone.id, reason: '与架上核对无误' } }]);
    page.unmount();
  });

  it('says what is missing where there is no lane yet', async () => {
    serve({ ...head, ...lanes() });
    const page = await stage(DevicesPage, { roundId: ROUND });
    expect(page.text()).toContain('本轮还没有采样台');
    page.unmount();
  });
});

describe('hubs at sites', () => {
  const hub = { id: '01900000-0000-7000-8000-000000000901', name: '一号点', area: '231183104', area_name: '永发镇', state: 'in_touch', enrolled_at: AT, revoked_at: null, beat_at: AT, waiting: 31, stuck: 2, address: 'http://192.168.8.2:8100', version: '0.1.0' };
  const invitation = { id: '01900000-0000-7000-8000-000000000902', name: '二号点', area: '231183104', area_name: '永发镇', issued_at: AT, expires_at: AT, issued_by: '王秀兰' };
  const areas = [{ area: '231183104', name: '永发镇' }];
  const hubs = (more: object): Answers => ({ ...head, ...lanes(lane(1)), ...fine, '/api/hubs': { body: { items: [], invitations: [], areas, as_of: AT, ...more } } });
  const line = { [`/api/devices/invitations/${invitation.id}`]: { body: { token: 'T', line: 'yingjian hub --county=https://x --invitation=T' } } };

  it('says what a hub is for where there is none, and invites one', async () => {
    const sent: Sent[] = [];
    serve(hubs({}), sent);
    const page = await stage(DevicesPage, { roundId: ROUND });
    await press('中转站');
    expect(page.text()).toContain('手机没有中转站也能整天离线工作');
    expect(page.text()).not.toContain('未配手机');
    await press('邀请中转站');
    const field = document.querySelector<HTMLInputElement>('[role=dialog] input')!;
    field.value = ' 二号点 ';
    field.dispatchEvent(new Event('input'));
    await settled();
    document.querySelector('[role=dialog] form')!.dispatchEvent(new Event('submit', { cancelable: true }));
    await settled();
    expect(sent).toMatchObject([{ kind: 'device.invite', payload: { role: 'hub', area: '231183104', station_code: 'hub-二号点', hours: 24 } }]);
    page.unmount();
  });

  it('lists what waits and is stuck, shows the command to copy, and shuts out with a reason', async () => {
    const sent: Sent[] = [];
    serve({ ...hubs({ items: [hub], invitations: [invitation] }), ...line }, sent);
    const page = await stage(DevicesPage, { roundId: ROUND });
    await press('中转站');
    for (const part of ['已连通', '待转报 31 份', '县里不收 2 份', '程序 0.1.0', '王秀兰邀请']) expect(page.text()).toContain(part);
    await press('显示命令');
    expect(document.querySelector('textarea')!.value).toBe('yingjian hub --county=https://x --invitation=T');
    await press('复制命令'); // this browser lets nobody write to the clipboard
    expect(document.body.textContent).toContain('请按 Ctrl+C 复制');
    document.querySelector<HTMLButtonElement>('[role=dialog] .p-dialog-close-button')!.click();
    await settled();
    await press('停用');
    await reason('电脑遗失');
    expect(sent).toMatchObject([{ kind: 'device.revoke', payload: { device_id: hub.id, reason: '电脑遗失' } }]);
    page.unmount();
  });
});

describe('codes and labels', () => {
  const nothing = {
    ...head, [`/api/rounds/${ROUND}/sites`]: { body: made.page([]) }, [`/api/rounds/${ROUND}/overview`]: { body: made.overview }, ...lanes(lane(1)),
    [`/api/rounds/${ROUND}/ranges`]: { body: { items: [], as_of: AT } }, [`/api/rounds/${ROUND}/prints`]: { body: { items: [], as_of: AT } },
  };
  const printed = { id: ROUND, kind: 'box', area: '', site_code: 'S1', site_name: '永发村采样点', station_code: '', first: 1, last: 10, labels: 10, again: true, reason: '标签淋湿', printed_at: AT, printed_by: '王秀兰' };
  const range = { id: '01900000-0000-7000-8000-000000000701', station_code: 'S1-1', site_name: '永发村采样点', area: '', first: 'A0001', last: 'A0100', given_at: AT, given_by: '王秀兰', withdrawn_at: null, withdrawn_reason: '' };

  it('say calmly that nothing was printed or given out', async () => {
    serve(nothing);
    const page = await stage(CodesPage, { roundId: ROUND });
    expect(page.text()).toContain('本轮还没有打印过标签');
    expect(page.text()).toContain('本轮还没有发放号段');
    page.unmount();
  });

  it('tell who printed what again and why, and take a range back with a reason', async () => {
    const sent: Sent[] = [];
    serve({
      ...nothing, ...fine, [`/api/rounds/${ROUND}/prints`]: { body: { items: [printed], as_of: AT } },
      [`/api/rounds/${ROUND}/ranges`]: { body: { items: [range], as_of: AT } },
    }, sent);
    const page = await stage(CodesPage, { roundId: ROUND });
    const row = page.get('table[aria-label="打印记录"] tbody tr').text();
    for (const part of ['箱码', '永发村采样点', '1–10', '王秀兰', '标签淋湿']) expect(row).toContain(part);
    await press('收回号段');
    await reason('换了批次');
    expect(sent).toMatchObject([{ kind: 'range.withdraw', payload: { range_id: range.id, reason: '换了批次' } }]);
    page.unmount();
  });
});

describe('the rehearsal', () => {
  const plan = { id: '01900000-0000-7000-8000-000000000601', round_id: ROUND, area: '', version: 2, state: 'applied', made_at: AT, applied_at: AT, findings: [], totals: {}, forecast: {} };
  const figures = { last_swab: [800, 840, 900], last_delivery: [860, 900, 960], last_result: [1500, 1530, 1600], queue_p95: [3, 12, 30] };
  const rehearsal = {
    plan_id: plan.id, round_id: ROUND, version: 2, runs: 40, trials: 8, seed: 1, assumptions: {}, labs: {},
    days: [{ on: '2022-03-15', people: 7409, figures, beside: figures, says: ['第三实验室最先排满。'], numbers: [{ name: 'queue_most', says: '最长等候(分)', low: '21', middle: '33', high: '48' }], helps: [], cases: [{ code: 'one_lab_out', says: '一家实验室停机', figures, change: { last_swab: [0, 0.2, 0.4], last_delivery: [-5, -5, -5], last_result: [9.6, 20, 30] } }],
      sites: [{ code: 'S1', name: '永发村采样点', lanes: 2, people: 420, finish: [700, 720, 800], worst_hour: 8, queue_p95: 25, hours: [{ hour: 8, people: 120, p50: 4, p95: 25, most: 31 }] }] }],
  } as unknown as Rehearsal;

  it('plays the plan in force and tells when the day ends, also past midnight', async () => {
    const asked = serve({ ...head, [`/api/rounds/${ROUND}/plans`]: { body: { items: [{ ...plan, id: ROUND, state: 'dropped' }, plan], as_of: AT } }, [`/api/plans/${plan.id}/rehearsal`]: { body: rehearsal } });
    const page = await stage(RehearsalPage, { roundId: ROUND });
    expect(asked).toContain(`GET /api/plans/${plan.id}/rehearsal`);
    await vi.waitFor(() => { expect(page.findAll('[data-testid=expected]')).toHaveLength(3); }, { timeout: 20_000 });
    expect(page.findAll('[data-testid=expected]').map((one) => one.text().slice(0, 5))).toEqual(['14:00', '15:00', '次日01:']);
    expect(page.text()).toMatch(/一家实验室停机\s*14:00\s*15:00 \(−5\)\s*次日01:30 \(\+10…\+30\)/);
    expect(page.text()).toMatch(/最长等候\(分\)\s*21\s*33\s*48/);
    expect(page.text()).toMatch(/08:00\s*120\s*4\s*25\s*31/);
    expect(page.text()).toContain('复检不在推演之内');
    page.unmount();
  });

  it('plays it with as many infected as somebody expects, and follows them', async () => {
    const path = `/api/plans/${plan.id}/rehearsal`;
    const [day] = rehearsal.days;
    const followed = { ...rehearsal, assumptions: { positives: 3 }, days: [{ ...day, figures: { ...figures, pools_positive: [1, 4, 9], cleared: [1600, 1690, 1800] }, beside: { ...figures, cleared: [1600, 1690, 1800] } }] };
    const answers: Record<string, { body: unknown }> = { ...head as Record<string, { body: unknown }>, [`/api/rounds/${ROUND}/plans`]: { body: { items: [plan], as_of: AT } }, [path]: { body: rehearsal } };
    const asked = serve(answers);
    const page = await stage(RehearsalPage, { roundId: ROUND });
    await vi.waitFor(() => { expect(page.find('#infected').exists()).toBe(true); }, { timeout: 20_000 });
    const field = page.get('#infected');
    (field.element as HTMLInputElement).value = '3';
    await field.trigger('input');
    await field.trigger('blur');
    answers[path] = { body: followed };
    await page.get('form.infected').trigger('submit');
    await vi.waitFor(() => { expect(page.text()).toContain('按每万人3人感染推演'); }, { timeout: 20_000 });
    expect(asked.filter((line) => line === `GET ${path}`)).toHaveLength(2);
    expect(page.text()).toMatch(/疑点查清.*按方案执行.*次日04:10/s);
    page.unmount();
  });

  it('shows how far it is, stops, says what is missing and plays it again', async () => {
    const path = `/api/plans/${plan.id}/rehearsal`;
    const answers: Record<string, { status?: number; body: unknown }> = { ...head as Record<string, { body: unknown }>, [`/api/rounds/${ROUND}/plans`]: { body: { items: [plan], as_of: AT } }, [path]: { status: 202, body: { plan_id: plan.id, state: 'running', done: 0.428, stop_asked: false } }, [`${path}/stop`]: { body: null } };
    const asked = serve(answers);
    const page = await stage(RehearsalPage, { roundId: ROUND });
    await vi.waitFor(() => { expect(page.text()).toContain('已完成 42%'); }, { timeout: 20_000 });
    const heard = answers[`${path}/stop`]!;
    answers[`${path}/stop`] = { status: 403, body: { code: 'access.not_permitted', says: '没有权限停止', do: '' } };
    await press('就此停止');
    await vi.waitFor(() => { expect(page.text()).toContain('没有权限停止'); }, { timeout: 20_000 });
    answers[`${path}/stop`] = heard;
    answers[path] = { body: { ...rehearsal, runs: 7, stopped: true } };
    await press('就此停止');
    await vi.waitFor(() => { expect(page.text()).toContain('已推演 7 次'); }, { timeout: 20_000 });
    expect(asked).toContain(`POST ${path}/stop`);
    answers[path] = { status: 409, body: { code: 'planning.rehearsal_interrupted', says: '推演的进程中断了，没有结果。', do: '' } };
    await press('重新推演');
    await vi.waitFor(() => { expect(page.text()).toContain('中断'); }, { timeout: 20_000 });
    page.unmount();
  });

  it('plays a day that has begun on from where it is, again when asked', async () => {
    const outlook = {
      round_id: ROUND, as_of: AT, on: '2022-03-15', state: 'sampling', runs: 40, people: 7409, sampled: 3000, to_come: 4400, absent: 9, later: 0, closed: 0, home: 0, pending: 120,
      last_swab_at: AT, figures: { last_swab: [1290, 1300, 1320] }, says: ['预计21:40采完（21:30–22:00）。', '另有约9人过了时段。'],
      helps: [{ code: 'lanes', says: '甲、乙各加1个采样台', figures: { last_swab: [1180, 1195, 1210] }, change: { last_swab: [-110, -105, -90] } }], sites: [], assumptions: {},
    };
    const asked = serve({
      ...head, '/api/rounds': { body: { items: [{ ...made.round, state: 'sampling' }], as_of: AT } }, [`/api/rounds/${ROUND}/plans`]: { body: { items: [plan], as_of: AT } },
      [`/api/plans/${plan.id}/rehearsal`]: { body: rehearsal }, [`/api/rounds/${ROUND}/outlook`]: { body: outlook },
    });
    const page = await stage(RehearsalPage, { roundId: ROUND });
    await vi.waitFor(() => { expect(page.text()).toContain('还要来 4,400 人'); }, { timeout: 20_000 });
    expect(page.get('[data-testid=expected]').text()).toBe('21:40');
    expect(page.text()).toContain('另有约9人过了时段。');
    expect(page.get('table').text()).toMatch(/照现在不变\s*21:40.*甲、乙各加1个采样台\s*19:55 \(−110…−90\)/s);
    await press('重新推演');
    await settled();
    expect(asked.filter((line) => line.includes('/outlook'))).toHaveLength(2);
    page.unmount();
  });

  it('asks for no rehearsal where there is no plan', async () => {
    const asked = serve({ ...head, [`/api/rounds/${ROUND}/plans`]: { body: { items: [], as_of: AT } } });
    const page = await stage(RehearsalPage, { roundId: ROUND });
    expect(asked.filter((line) => line.includes('rehearsal'))).toEqual([]);
    expect(page.find('[role=alert]').exists()).toBe(false);
    page.unmount();
  });
});

describe('how many to a tube', () => {
  const size = (n: number, more: object) => ({
    size: n, dilution: 1, tubes: 1000 / n, tubes_kept: 1100 / n, retests: n, retests_kept: n / 2, retest_tubes: 2 * n, missed: n / 100, missed_kept: n / 200, result_hours: 6,
    finish_at: AT, in_time: true, tests_per_tube: 1, sensitivity: 1, sensitivity_kept: 1, specificity: 1, positive_value: 1, negative_value: 1, ...more,
  });
  const town = (area: string, name: string, best: number) => ({
    area, name, people: 1000, pooled: 1000, singles: 0, sealed: 0, resulted: 0, positive: 0, basis: 'none', prevalence: 0.0002, infected: 0.2, best, why: 'fewest', says: `${String(best)}人一管最省`,
    sizes: [size(1, { in_time: false }), size(10, {}), size(20, { in_time: null })],
  });
  const sizes = {
    round_id: ROUND, as_of: AT, default_size: 10, laboratories: 1, tubes_per_day: 700, terms: { prior: 1000, keep: false, reserve: 0.2, ride_hours: 2, bench_hours: 5, recheck: 0.99, swabs: 2 },
    rules: [{ path: 'pool.sizes', name: '允许的混采比', value: '10人一管', origin: 'S4/YN R49' }], whole: town('', '全县', 10), towns: [town('1', '甲镇', 10), town('2', '乙镇', 20)],
    by_town: { tubes: 150, retests: 30, retest_tubes: 60, missed: 0.3 },
  } as unknown as PoolSizes;

  it('recommends for the round, for a town when it is picked, beside the preset', async () => {
    serve({ ...head, [`/api/rounds/${ROUND}/pool-sizes`]: { body: sizes } });
    const page = await stage(ChoicesPage, { roundId: ROUND });
    expect(page.get('[data-testid=recommended]').text()).toContain('10人一管');
    const rows = page.findAll('table[aria-label="各种比例"] tbody tr').map((row) => row.text());
    expect(rows.map((row) => /赶得上|赶不上|无法核对/.exec(row)?.[0])).toEqual(['赶不上', '赶得上', '无法核对']);
    expect(rows[0]).toContain('单采');
    expect(page.text()).toContain('允许的混采比');
    page.findAll('button.name')[1]!.element.dispatchEvent(new Event('click'));
    await settled();
    expect(page.get('[data-testid=recommended]').text()).toContain('20人一管');
    page.unmount();
  });

  it('compares ways to space rounds; the one picked carries the band and its rounds', async () => {
    const way = (code: string, name: string, more: object) => ({
      code, name, rounds: 2, cases: [1, 5, 9], cases_mean: 5, found_mean: 2, free_mean: 1, over: 0.5, swabs: 2000, tubes: 200, tests: 210, staff_days: 40, busiest_day: 100, fits: true,
      below_rule: false, price: null, curve: [[1, 2, 3], [1, 5, 9]], held: [{ day: 0, on: '2022-03-15', found: [0, 1, 2], found_mean: 1, present_mean: 3, tubes: 100, swabs: 1000 }], ...more,
    });
    const town1 = { area: '1', name: '甲镇', people: 1000, rounds_before: 1, last_round: null, last_case: null, turns: [{ on: '2022-03-15', why: 'opening' }, { on: '2022-03-16', why: 'first' }, { on: '2022-03-17', why: 'first' }] };
    const terms = { days: 2, runs: 40, played: 1000, people: 1000, size: 10, delay: 1, unnoticed: 3, staff_per_thousand: 20, first: 3, recent_rounds: 3, lookback: 14, every_recent: 1, every_lookback: 2, every_none: 5 };
    const cadence = { round_id: ROUND, as_of: AT, start: '2022-03-15', tubes_per_day: 700, laboratories: 1, terms, best: 'daily', towns: [town1], says: ['每天一轮感染最少'],
      plans: [way('none', '不再采样', { held: [], below_rule: true }), way('daily', '每天一轮', { price: 12 })] } as unknown as Cadence;
    serve({ ...head, [`/api/rounds/${ROUND}/pool-sizes`]: { body: sizes }, [`/api/rounds/${ROUND}/cadence`]: { body: cadence } });
    const page = await stage(ChoicesPage, { roundId: ROUND });
    await press('轮次安排');
    expect(page.text()).toContain('每天一轮感染最少');
    expect(page.findAll('figure path')).toHaveLength(3); // two lines, one band
    expect(page.get('table[aria-label="各种安排"]').text()).toContain('少于预案要求');
    expect(page.text()).toContain('03-16、03-17 来源不明，先采够轮数');
    await press('不再采样');
    expect(page.text()).toContain('这种安排不再采样');
    page.unmount();
  });

  it('says what is missing before the list is there', async () => {
    serve({ ...head, [`/api/rounds/${ROUND}/pool-sizes`]: { status: 409, body: { code: 'planning.not_frozen', says: '应检名单尚未锁定。', do: '请先锁定名单。' } } });
    const page = await stage(ChoicesPage, { roundId: ROUND });
    expect(page.get('[role=alert]').text()).toContain('应检名单尚未锁定');
    page.unmount();
  });
});

describe('the status page', () => {
  const kinds = ['statistics', 'own_result', 'own_code', 'desk', 'field'].map((kind, no) => ({ kind, ceiling: 4 + no, refused: no === 0 ? 17 : 0, given_up: no === 0 }));
  it('names what is given up in the preset’s order, the field last and never paused first', async () => {
    serve({ ...head, '/api/status': { body: { jobs_waiting: 3, time: AT, load: { places: 8, busy: 4, waiting: 1, kinds } } } });
    const page = await stage(StatusPage, {});
    const rows = page.findAll('tbody tr').map((row) => row.text());
    expect(rows[0]).toContain('统计与看板');
    expect(rows[0]).toContain('17');
    expect(rows[0]).toContain('暂停中');
    expect(rows.at(-1)).toContain('采样登记上传');
    expect(rows.at(-1)).toContain('开放');
    expect(page.get('[data-testid=busy]').text()).toBe('4 / 8');
    expect(page.text()).toContain('采样登记照常');
    page.unmount();
  });
});

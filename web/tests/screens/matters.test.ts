// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';

import type { Matter } from '@/api/matters';
import MattersPage from '@/rooms/matters/MattersPage.vue';

import * as made from '../mock/answers';
import { type Answers, eachAnew, type Sent, serve, settled, signedIn, stage } from './stage';

const matter = (key: string, more: Partial<Matter> = {}): Matter => ({
  key, cursor: key, kind: 'person', sign: 'duplicate_person', source: key.split('.')[0]!, title: '一人采了两次', says: '同一人本轮有两份采样。', do: '核对后保留一份。', area: '231183104201',
  at: '2022-03-15T08:41:00+08:00', captured_at: null, command: '', actor_kind: 'device', sender: '一号台手机', station_code: 'S1-1', site_name: '永发村采样点', tube_code: 'YL220315-0087',
  person: '张*国', person_id: null, round_id: null, skew_ms: 0, decision: null, reason: null, decided_at: null, decided_by: '', ...more,
});
const SWAB = 'swab.01900000-0000-7000-8000-000000000501.duplicate_person';
const PARKED = 'parked.01900000-0000-7000-8000-000000000502';
const answers = (...items: Matter[]): Answers => ({
  ...signedIn('maintain'), '/api/matters': { body: made.page(items) }, '/api/commands': { body: { verdicts: [] } },
  '/api/matters/counts': { body: { items: [{ kind: 'person', open: items.length, decided: 4 }], as_of: '2022-03-15T09:00:00+08:00' } },
});

async function choose(page: Awaited<ReturnType<typeof stage>>, ...places: number[]): Promise<void> {
  for (const place of places) await page.findAll('.rows li input[type=checkbox]')[place]!.setValue(true);
  await settled();
}

eachAnew();

describe('the work list of the information maintainer', () => {
  it('says that nothing waits', async () => {
    serve(answers());
    const page = await stage(MattersPage, {});
    expect(page.text()).toContain('没有待处理的事项');
    page.unmount();
  });

  it('decides what was chosen with one reason, and not without', async () => {
    const sent: Sent[] = [];
    serve(answers(matter(SWAB)), sent);
    const page = await stage(MattersPage, {});
    expect(page.get('.rows li').text()).toContain('永发村采样点');
    await choose(page, 0);
    const bar = page.get('form.bar');
    expect(bar.get('button[type=submit]').attributes('disabled')).toBeDefined();
    await bar.get('input.reason').setValue('核对名单，第一份有效');
    await bar.trigger('submit');
    await settled();
    expect(sent).toMatchObject([{
      kind: 'flag.decide',
      payload: { decision: 'kept', reason: '核对名单，第一份有效', subjects: [{ kind: 'swab', id: SWAB.split('.')[1], flag: 'duplicate_person' }] },
    }]);
    page.unmount();
  });

  it('does not let a parked command and a flag be decided in one breath', async () => {
    serve(answers(matter(SWAB), matter(PARKED, { sign: 'access.outside_area', kind: 'command' })));
    const page = await stage(MattersPage, {});
    await choose(page, 0, 1);
    expect(page.get('form.bar').text()).toContain('请分开处理');
    expect(page.find('form.bar button[type=submit]').exists()).toBe(false);
    page.unmount();
  });
});

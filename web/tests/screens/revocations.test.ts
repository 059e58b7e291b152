// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';

import { queryClient } from '@/api/query';
import RevocationsPage from '@/rooms/revocations/RevocationsPage.vue';

import * as made from '../mock/answers';
import { type Answers, button, eachAnew, press, reason, type Sent, serve, settled, signedIn, stage } from './stage';

const one = {
  id: '01900000-0000-7000-8000-000000000901', kind: 'person', mark: 'aabbccddeeff0011', person_id: made.detail.person.id, name: '张*国', id_tail: '003X',
  until: '2022-03-15', area: '231183104201', area_name: '永发村', at: '2022-03-15T09:00:00+08:00', by: '李保障', reason: '码被拍照外传', lifted_at: null, lifted_by: '', lifted_reason: '',
};
const key = { ...one, id: '01900000-0000-7000-8000-000000000902', kind: 'key', person_id: null, name: '', id_tail: '', until: null, reason: '密钥泄露' };
const lifted = { ...one, id: '01900000-0000-7000-8000-000000000903', reason: '丢手机', lifted_at: '2022-03-15T10:00:00+08:00', lifted_by: '王主任', lifted_reason: '手机找到了' };
const list = (...items: unknown[]): Answers => ({ '/api/codes/revoked': { body: { ...made.page(items), keys: ['c9b7dc22'] } } });
const fine = { '/api/commands': { body: { verdicts: [] } } };
const clerk = signedIn('maintain');
const chief = signedIn('maintain', 'administer');

/** Somebody was sought by name, and the button beside the first who was found pressed. */
async function askedFor(page: Awaited<ReturnType<typeof stage>>): Promise<void> {
  await page.get('input[type=search]').setValue('张国');
  await page.get('form').trigger('submit');
  await settled();
  await page.findAll('ul li button')[0]!.trigger('click');
  await settled();
}

eachAnew();

describe('revoked codes', () => {
  it('says calmly that there are none, and when one would be made', async () => {
    serve({ ...clerk, ...list() });
    const page = await stage(RevocationsPage, {});
    expect(page.text()).toContain('没有作废的码');
    expect(page.find('[role=alert]').exists()).toBe(false);
    page.unmount();
  });

  it('revokes what a person found by name has, with the reason that was given', async () => {
    const sent: Sent[] = [];
    serve({ ...clerk, ...list(), ...fine, '/api/persons': { body: made.page(made.persons) } }, sent);
    const page = await stage(RevocationsPage, {});
    await askedFor(page);
    expect(document.querySelector('[role=dialog]')!.textContent).toContain('明天可以重新取码');
    await reason(' 码被拍照外传 ');
    expect(sent).toMatchObject([{ kind: 'codes.revoke', payload: { person_id: made.persons[0]!.id, reason: '码被拍照外传' } }]);
    expect(page.get('[role=status]').text()).toContain('已作废：张*国');
    page.unmount();
  });

  it('shows why it was refused and keeps the question open', async () => {
    const refusal = { code: 'access.outside_area', says: '不在您的管辖范围。', do: '请找所在乡镇办理。', params: {} };
    serve({ ...clerk, ...list(), '/api/commands': { status: 403, body: refusal }, '/api/persons': { body: made.page(made.persons) } });
    const page = await stage(RevocationsPage, {});
    await askedFor(page);
    await reason('外传');
    expect(document.querySelector('[role=dialog] [role=alert]')!.textContent).toContain('请找所在乡镇办理');
    page.unmount();
  });

  it('restores what was a mistake; what was restored says when and why', async () => {
    const sent: Sent[] = [];
    serve({ ...clerk, ...list(one, lifted), ...fine }, sent);
    const page = await stage(RevocationsPage, {});
    for (const part of ['李保障', '王主任恢复：手机找到了']) expect(page.text()).toContain(part);
    await press('恢复');
    await reason('弄错了人');
    expect(sent).toMatchObject([{ kind: 'revocation.lift', payload: { revocation_id: one.id, reason: '弄错了人' } }]);
    page.unmount();
  });

  it('lets only an administrator end or restore a key', async () => {
    serve({ ...clerk, ...list(key) });
    const asClerk = await stage(RevocationsPage, {});
    expect(asClerk.text()).not.toContain('c9b7dc22');
    expect(() => button('恢复')).toThrow();
    asClerk.unmount();
    queryClient.clear();
    const sent: Sent[] = [];
    serve({ ...chief, ...list(key), ...fine }, sent);
    const asChief = await stage(RevocationsPage, {});
    expect(button('恢复')).toBeDefined();
    await press('签发密钥');
    await press('作废整个密钥');
    expect(document.querySelector('[role=dialog]')!.textContent).toContain('先与指挥部核实');
    await reason('密钥泄露');
    expect(sent).toMatchObject([{ kind: 'key.revoke', payload: { key_id: 'c9b7dc22' } }]);
    asChief.unmount();
  });
});

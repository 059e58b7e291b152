// @vitest-environment jsdom
/** The resident's page: fetched once, shown without a server, nothing kept that names anybody. */
import { flushPromises, mount } from '@vue/test-utils';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

vi.mock('@/offline/qr', () => ({ drawn: (text: string) => Promise.resolve({ size: text.length, path: 'M0 0h1v1h-1z' }) }));

const NUMBER = '990000199001010019'; // an unassigned region; the check digit is worked out below
const PHONE = '13800000000';
const codes = [
  { token: 'YJ1AAAA', people: [{ name: '测*人', id_tail: '001X' }], issued: '2022-06-01', struck: false },
  { token: 'YJ1BBBB', people: [{ name: '测*人', id_tail: '001X' }, { name: '小*', id_tail: '' }], issued: '2022-06-01', struck: false },
];

async function page(): Promise<ReturnType<typeof mount>> {
  vi.resetModules(); // as after a reload: what is kept is read anew
  const { default: MyApp } = await import('@/my/MyApp.vue');
  const mounted = mount(MyApp);
  await flushPromises();
  return mounted;
}

function answers(status: number, body: unknown): { path: string; init: RequestInit }[] {
  const asked: { path: string; init: RequestInit }[] = [];
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    asked.push({ path, init });
    return Promise.resolve(new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } }));
  });
  return asked;
}

async function type(mounted: ReturnType<typeof mount>, number: string, phone: string): Promise<void> {
  const [id, tel] = mounted.findAll('input');
  await id!.setValue(number);
  await tel!.setValue(phone);
  await mounted.get('form').trigger('submit');
  await flushPromises();
}

let good = '';
beforeEach(async () => {
  localStorage.clear();
  const { idCheckChar } = await import('@/rules/id-number');
  good = NUMBER.slice(0, 17) + idCheckChar(NUMBER.slice(0, 17));
});
afterEach(() => { vi.unstubAllGlobals(); });

describe('a resident', () => {
  it('fetches a code once and shows it after a reload without a word to the server', async () => {
    const asked = answers(200, { items: codes, as_of: '' });
    const first = await page();
    await type(first, good, PHONE);
    expect(asked.map((one) => one.path)).toEqual(['/api/codes/own']);
    expect(asked[0]!.init.credentials).toBe('omit');
    expect(first.get('.qr').attributes('data-text')).toBe('YJ1AAAA');
    vi.stubGlobal('fetch', () => { throw new Error('asked the server'); });
    const again = await page();
    expect(again.get('.qr').attributes('data-text')).toBe('YJ1AAAA');
    await again.findAll('.which button')[1]!.trigger('click');
    await flushPromises();
    expect(again.get('.qr').attributes('data-text')).toBe('YJ1BBBB');
    expect(again.text()).toContain('没有网络也能出示');
  });

  it('leaves neither number on the phone', async () => {
    answers(200, { items: codes, as_of: '' });
    await type(await page(), good, PHONE);
    const kept = JSON.stringify(Object.entries(localStorage));
    expect(kept).toContain('YJ1AAAA');
    expect(kept).not.toContain(good);
    expect(kept).not.toContain(PHONE);
  });

  it('hears of a mistyped number before it is sent, and the server’s refusal in its words', async () => {
    const asked = answers(404, { code: 'population.lookup_not_found', says: '没有查到。', do: '核对后再试。', params: {} });
    const mounted = await page();
    await type(mounted, good.slice(0, 17) + (good.endsWith('0') ? '1' : '0'), PHONE);
    expect(asked).toEqual([]);
    expect(mounted.get('[role=alert]').text()).toContain('核对每一位');
    await type(mounted, good, PHONE);
    expect(mounted.get('[role=alert]').text()).toBe('没有查到。 核对后再试。');
    expect(mounted.find('.qr').exists()).toBe(false);
  });

  it('is told of a code that is no longer good, and may remove what is kept', async () => {
    answers(200, { items: [{ ...codes[0]!, struck: true }], as_of: '' });
    const mounted = await page();
    await type(mounted, good, PHONE);
    expect(mounted.get('[role=alert]').text()).toContain('作废');
    await mounted.findAll('button').find((button) => button.text() === '从本机删除')!.trigger('click');
    await mounted.get('[role=alertdialog] button').trigger('click');
    expect(mounted.find('form').exists()).toBe(true);
    expect(localStorage.getItem('yingjian.my.codes')).toBe('[]');
  });

  it('sees results, with the numbers given a moment ago, and says plainly when there is no network', async () => {
    answers(200, { items: codes, as_of: '' });
    const mounted = await page();
    await type(mounted, good, PHONE);
    const results = [{ round: '第一轮', sampled_at: '2022-06-01T02:00:00Z', outcome: 'negative', tested_at: null, laboratory: '', released_at: null, corrected: false }];
    const asked = answers(200, { items: results, as_of: '' });
    await mounted.findAll('nav button')[1]!.trigger('click');
    await mounted.get('form').trigger('submit');
    await flushPromises();
    expect(asked[0]!.path).toBe('/api/results/lookup');
    expect(mounted.get('article').text()).toContain('阴性');
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('offline')));
    await mounted.findAll('nav button')[1]!.trigger('click');
    await mounted.get('form').trigger('submit');
    await flushPromises();
    expect(mounted.get('[role=alert]').text()).toContain('没有网络');
  });
});

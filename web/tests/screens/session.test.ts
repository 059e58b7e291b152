// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { queryClient } from '@/api/query';
import { currentSession } from '@/api/session';
import { useLanguage } from '@/i18n';
import SignInPage from '@/rooms/session/SignInPage.vue';

import { nobody, session } from '../mock/answers';
import { settled, stage } from './stage';

type Sent = Readonly<{ method: string; token: string | null; language: string | null; body: string }>;

/** A server that hands out a new token with every look at the session, as the real one does. */
function server(signIn: () => Response): Sent[] {
  const sent: Sent[] = [];
  let looks = 0;
  vi.stubGlobal('fetch', async (request: Request) => {
    const { method, headers } = request;
    sent.push({ method, token: headers.get('X-CSRFToken'), language: headers.get('Accept-Language'), body: await request.text() });
    if (method === 'POST') return signIn();
    looks += 1;
    return new Response(JSON.stringify({ ...nobody, csrf: `token-${String(looks)}` }));
  });
  return sent;
}

async function type(page: Awaited<ReturnType<typeof stage>>): Promise<void> {
  await page.get('#username').setValue('  wang ');
  await page.get('#password').setValue(' secret ');
  await page.get('form').trigger('submit');
  await settled();
}

beforeEach(() => {
  useLanguage('zh-CN', { remember: false });
  queryClient.clear();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

describe('signing in', () => {
  it('sends the server’s latest token, the reader’s language, and the password as typed', async () => {
    const sent = server(() => new Response(JSON.stringify(session)));
    await type(await stage(SignInPage, {}));
    const post = sent.find((request) => request.method === 'POST');
    expect(post).toMatchObject({ token: 'token-1', language: 'zh-CN' });
    expect(JSON.parse(post!.body)).toEqual({ username: 'wang', password: ' secret ' });
  });

  it('forgets what whoever was here before had seen', async () => {
    queryClient.setQueryData(['rounds'], ['another’s rounds']);
    server(() => new Response(JSON.stringify(session)));
    await type(await stage(SignInPage, {}));
    expect(queryClient.getQueryData(['rounds'])).toBeUndefined();
    expect(await currentSession()).toMatchObject({ name: session.name, roles: ['round_planner'] });
  });

  it('says the refusal aloud and empties the password', async () => {
    const refusal = { code: 'access.sign_in_refused', says: '用户名或密码不对。', do: '请核对后重新输入。', params: {} };
    server(() => new Response(JSON.stringify(refusal), { status: 401 }));
    const page = await stage(SignInPage, {});
    await type(page);
    expect(page.get('[role=alert]').text()).toContain('用户名或密码不对。');
    expect((page.get('#password').element as HTMLInputElement).value).toBe('');
  });

  it('takes an empty id for nobody', async () => {
    server(() => new Response('{}'));
    expect(await currentSession()).toBeNull();
  });
});

/** Puts one screen on a stage: real plugins, a browser made of jsdom, and a server made of answers by path. */
import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import PrimeVue from 'primevue/config';
import { vi } from 'vitest';
import type { Component } from 'vue';
import { createMemoryHistory, createRouter } from 'vue-router';

import { i18n } from '@/i18n';

export type Answers = Readonly<Record<string, { status?: number; body: unknown } | 'no network'>>;

/** Answers requests by path; anything else is a 404 with a code. Returns the paths asked for, in order. */
export function serve(answers: Answers): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (request: Request) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    asked.push(`${request.method} ${pathname}`);
    const answer = answers[pathname];
    if (answer === 'no network') return Promise.reject(new TypeError('Failed to fetch'));
    const { status = 200, body } = answer ?? { status: 404, body: { code: 'web.test_unknown', says: pathname, do: '' } };
    return Promise.resolve(new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } }));
  });
  return asked;
}

export async function stage(screen: Component, props: Record<string, unknown>): Promise<VueWrapper> {
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [{ path: '/:rest(.*)*', component: { template: '<div />' } }],
  });
  const queryClient = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const wrapper = mount(screen, {
    props,
    global: { plugins: [i18n, router, PrimeVue, [VueQueryPlugin, { queryClient }]] },
  });
  await settled();
  return wrapper;
}

/** Waits for answers to arrive and be drawn. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    await flushPromises();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

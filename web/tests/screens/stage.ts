/** Puts one screen on a stage: real plugins, a browser made of jsdom, and a server made of answers by path. */
import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import PrimeVue from 'primevue/config';
import { afterEach, beforeEach, vi } from 'vitest';
import type { Component } from 'vue';
import { createMemoryHistory, createRouter } from 'vue-router';

import { queryClient as shared } from '@/api/query';
import { i18n, useLanguage } from '@/i18n';

import { session } from '../mock/answers';

export type Answers = Readonly<Record<string, { status?: number; body: unknown } | 'no network'>>;

/** A write as it was sent: kind and payload of each command. */
export type Sent = Readonly<{ kind: string; payload: Readonly<Record<string, unknown>> }>;

/**
 * Answers requests by path; anything else is a 404 with a code. Returns the paths asked for, in order; commands that were
 * sent are added to `sent`.
 */
export function serve(answers: Answers, sent: Sent[] = []): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    asked.push(`${request.method} ${pathname}`);
    if (pathname === '/api/commands') sent.push(...((await request.json()) as { commands: Sent[] }).commands);
    const answer = answers[pathname];
    if (answer === 'no network') throw new TypeError('Failed to fetch');
    const { status = 200, body } = answer ?? { status: 404, body: { code: 'web.test_unknown', says: pathname, do: '' } };
    return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });
  });
  return asked;
}

/** Each test of a file begins in Chinese with nothing fetched, and leaves neither a screen nor a server behind. */
export function eachAnew(): void {
  beforeEach(() => {
    useLanguage('zh-CN', { remember: false });
    shared.clear();
  });
  afterEach(() => {
    document.body.innerHTML = '';
    vi.unstubAllGlobals();
  });
}

/** What jsdom lacks and PrimeVue's drop-downs ask for. */
function screenOfADesk(): void {
  const never = { matches: false, addEventListener: () => undefined, removeEventListener: () => undefined };
  if (typeof (globalThis as { matchMedia?: unknown }).matchMedia !== 'function') Object.assign(globalThis, { matchMedia: () => never });
}

export async function stage(screen: Component, props: Record<string, unknown>): Promise<VueWrapper> {
  screenOfADesk();
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [{ path: '/:rest(.*)*', component: { template: '<div />' } }],
  });
  const queryClient = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const wrapper = mount(screen, {
    attachTo: document.body,
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

/** Somebody signed in with these permissions, as the server tells it. */
export const signedIn = (...permissions: string[]): Answers => ({ '/api/session': { body: { ...session, permissions } } });

/** The button of that name; a dialog hangs below the body, outside the screen. */
export function button(name: string): HTMLButtonElement {
  const found = [...document.querySelectorAll('button')].filter((one) => one.textContent.trim() === name && !one.closest('[hidden]'));
  if (found.length === 0) throw new Error(`no button ${name}`);
  return found.at(-1)!;
}

export const press = async (name: string): Promise<void> => {
  button(name).click();
  await settled();
};

/** Gives a reason in the dialog that is open and sends it by its button. */
export async function reason(text: string): Promise<void> {
  const dialog = document.querySelector('[role=dialog]')!;
  const field = dialog.querySelector('input')!;
  field.value = text;
  field.dispatchEvent(new Event('input'));
  await settled();
  dialog.querySelector('form')!.dispatchEvent(new Event('submit', { cancelable: true }));
  await settled();
}

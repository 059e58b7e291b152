import { uuid7 } from '@/rules/uuid7';

import { api } from './client';

/** A write: what is to be done and with what. Its id and time are given when it is sent. */
export type Order = Readonly<{ kind: string; payload: Readonly<Record<string, unknown>> }>;
export type Verdict = Readonly<{ id: string; verdict: string; code?: string; says?: string; do?: string; answer?: Readonly<Record<string, unknown>> }>;

export function newId(): string {
  return uuid7(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
}

/** Sends writes in one request: all of them or none. A refusal is thrown as an `ApiError`. */
export async function submit(orders: readonly Order[]): Promise<readonly Verdict[]> {
  const at = new Date().toISOString();
  const commands = orders.map((order) => ({ id: newId(), at, ...order }));
  // The server reads commands with a decoder of its own, so its description has no shape for them.
  const answer = (await api.POST('/api/commands', { body: { commands } } as never)) as { data?: unknown };
  return (answer.data as { verdicts?: readonly Verdict[] } | undefined)?.verdicts ?? [];
}

import { uuid7 } from '@/rules/uuid7';

import { api } from './client';
import { ApiError } from './errors';

/** A write: what is to be done and with what. Its id and time are given when it is sent. */
export type Order = Readonly<{ kind: string; payload: Readonly<Record<string, unknown>> }>;
export type Verdict = Readonly<{ id: string; verdict: string; code?: string; says?: string; do?: string; answer?: Readonly<Record<string, unknown>> }>;

export function newId(): string {
  return uuid7(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
}

type Command = Order & Readonly<{ id: string; at: string }>;

function prepared(orders: readonly Order[]): readonly Command[] {
  const at = new Date().toISOString();
  return orders.map((order) => ({ id: newId(), at, ...order }));
}

async function send(commands: readonly Command[]): Promise<readonly Verdict[]> {
  // The server reads commands with a decoder of its own, so its description has no shape for them.
  const answer = (await api.POST('/api/commands', { body: { commands } } as never)) as { data?: unknown };
  return (answer.data as { verdicts?: readonly Verdict[] } | undefined)?.verdicts ?? [];
}

/** Sends writes in one request: all of them or none. A refusal is thrown as an `ApiError`. */
export function submit(orders: readonly Order[]): Promise<readonly Verdict[]> {
  return send(prepared(orders));
}

/**
 * Like `submit`, for what takes long or must not happen twice: when no answer came, the same writes sent again carry the
 * ids and times of the first try, so that the server knows them and does them once.
 */
export function steady(): (orders: readonly Order[]) => Promise<readonly Verdict[]> {
  let open: Readonly<{ told: string; commands: readonly Command[] }> | null = null;
  return async (orders) => {
    const told = JSON.stringify(orders);
    if (open?.told !== told) open = { told, commands: prepared(orders) };
    try {
      const verdicts = await send(open.commands);
      open = null;
      return verdicts;
    } catch (error) {
      if (!(error instanceof ApiError && error.isPassing)) open = null;
      throw error;
    }
  };
}

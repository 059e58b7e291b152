import { type InfiniteData, useInfiniteQuery, type UseInfiniteQueryReturnType, useMutation, type UseMutationReturnType, useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import type { Ref } from 'vue';

import { type Decision, ordersFor } from '@/rules/matters';

import { api, body } from './client';
import { submit } from './commands';
import { ApiError } from './errors';
import { queryClient } from './query';
import type { components } from './schema';

type Schemas = components['schemas'];
export type Matter = Schemas['MatterOut'];
export type MatterPage = Schemas['MatterPage'];
export type MatterCount = Schemas['MatterCount'];
export type MatterList = Schemas['MatterList'];
export type MatterBeside = Schemas['MatterBeside'];
export type Asked = Readonly<{ kind: string; state: string; q: string }>;

/** What became of a decision about several: how many got through, and what was refused with its reason. */
export type Outcome = Readonly<{ done: number; refused: readonly Readonly<{ key: string; error: unknown }>[] }>;

const SHOWN = 50;

export function useMatters(asked: Ref<Asked>): UseInfiniteQueryReturnType<InfiniteData<MatterList>, Error> {
  return useInfiniteQuery({
    queryKey: ['matters', 'list', asked],
    initialPageParam: '',
    queryFn: async ({ pageParam }) => {
      const query = { ...asked.value, after: pageParam, limit: SHOWN };
      return body(await api.GET('/api/matters', { params: { query } }));
    },
    getNextPageParam: (last) => last.next ?? undefined,
  });
}

export function useMatterCounts(): UseQueryReturnType<MatterCount[], Error> {
  return useQuery({
    queryKey: ['matters', 'counts'],
    queryFn: async () => body(await api.GET('/api/matters/counts')).items,
    refetchInterval: 30_000,
  });
}

export function useMatter(key: Ref<string>): UseQueryReturnType<MatterPage, Error> {
  return useQuery({
    queryKey: ['matters', 'one', key],
    queryFn: async () => body(await api.GET('/api/matters/{key}', { params: { path: { key: key.value } } })),
  });
}

/** Personal data in full; the look is journalled. The answer is shown and not kept. */
export function useReveal(key: Ref<string>): UseMutationReturnType<MatterPage, Error, string, unknown> {
  return useMutation({
    mutationFn: async (reason: string) => {
      const path = { key: key.value };
      return body(await api.POST('/api/matters/{key}/reveal', { params: { path }, body: { reason } }));
    },
  });
}

/** Decides all at once; where one of them is refused, one by one, so that it holds up no other. */
export function useDecide(): UseMutationReturnType<Outcome, Error, Decision, unknown> {
  return useMutation({
    mutationFn: decide,
    onSettled: () => queryClient.invalidateQueries({ queryKey: ['matters'] }),
  });
}

async function decide(decision: Decision): Promise<Outcome> {
  const { keys } = decision;
  try {
    await submit(ordersFor(decision));
    return { done: keys.length, refused: [] };
  } catch (error) {
    const refusal = error instanceof ApiError && !error.isPassing && !error.isSignedOut;
    if (!refusal || keys.length === 1) throw error;
  }
  const refused: { key: string; error: unknown }[] = [];
  for (const key of keys) {
    try {
      await submit(ordersFor({ ...decision, keys: [key] }));
    } catch (error) {
      refused.push({ key, error });
    }
  }
  return { done: keys.length - refused.length, refused };
}

import { keepPreviousData, useQuery, useQueryClient, type UseQueryReturnType } from '@tanstack/vue-query';
import type { Ref } from 'vue';

import { api, body } from './client';
import type { components } from './schema';

const QUARTER_MS = 15 * 60 * 1000;

export type PoolSizes = components['schemas']['PoolSizes'];
export type PoolTown = components['schemas']['PoolTown'];
export type PoolSize = components['schemas']['PoolSize'];
export type PoolRule = components['schemas']['PoolRule'];

/** What the asker assumes; what is left out is the server's default. */
export type PoolAsked = Readonly<{
  prevalence?: number; sensitivity?: number; specificity?: number; attack?: number; keep?: boolean; dilution?: string;
}>;

async function ask(roundId: string, asked: PoolAsked, fresh: boolean): Promise<PoolSizes> {
  return body(await api.GET('/api/rounds/{round_id}/pool-sizes', { params: { path: { round_id: roundId }, query: { ...asked, fresh } } }));
}

/** How many to a tube, under these assumptions; the answer before stays until the new one is there. */
export function usePoolSizes(roundId: Ref<string>, asked: Ref<PoolAsked>): UseQueryReturnType<PoolSizes, Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'pool-sizes', asked],
    queryFn: async () => ask(roundId.value, asked.value, false),
    placeholderData: keepPreviousData,
    retry: false,
  });
}

/** Reads positives and capacity anew. */
export function useFreshPoolSizes(roundId: Ref<string>, asked: Ref<PoolAsked>): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    client.setQueryData(['rounds', roundId.value, 'pool-sizes', asked.value], await ask(roundId.value, asked.value, true));
  };
}

/** The same question as a file's address. */
export function fileOf(roundId: string, file: string, asked: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams(Object.entries(asked).map(([key, value]) => [key, String(value)]));
  return `/api/rounds/${roundId}/${file}?${query.toString()}`;
}

export type Cadence = components['schemas']['Cadence'];
export type CadencePlan = components['schemas']['CadencePlan'];
export type CadenceTown = components['schemas']['CadenceTown'];
export type CadenceRound = components['schemas']['CadenceRound'];

export type CadenceAsked = Readonly<{ r?: number; seeds?: number; sensitivity?: number; turnout?: number; symptoms?: number; days?: number; size?: number }>;

/** How often to swab, under these assumptions. The server plays it when asked, which takes seconds for a county. */
export function useCadence(roundId: Ref<string>, asked: Ref<CadenceAsked>): UseQueryReturnType<Cadence, Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'cadence', asked],
    queryFn: async () => body(await api.GET('/api/rounds/{round_id}/cadence', { params: { path: { round_id: roundId.value }, query: asked.value } })),
    placeholderData: keepPreviousData,
    staleTime: QUARTER_MS,
    retry: false,
  });
}

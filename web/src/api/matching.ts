import { useQuery, useQueryClient, type UseQueryReturnType } from '@tanstack/vue-query';
import type { Ref } from 'vue';

import { api, body } from './client';
import type { components } from './schema';

export type Matching = components['schemas']['Matching'];
export type MatchLot = components['schemas']['MatchLot'];
export type MatchLab = components['schemas']['MatchLab'];
export type MatchWorth = components['schemas']['MatchWorth'];

const QUARTER_MS = 15 * 60 * 1000;

async function ask(roundId: string, fresh: boolean): Promise<Matching> {
  return body(await api.GET('/api/rounds/{round_id}/matching', { params: { path: { round_id: roundId }, query: { fresh } } }));
}

/** Tubes to laboratories as they are now; asked for again every quarter of an hour. */
export function useMatching(roundId: Ref<string>): UseQueryReturnType<Matching, Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'matching'],
    queryFn: async () => ask(roundId.value, false),
    refetchInterval: QUARTER_MS,
    retry: false,
  });
}

/** Computes it anew, of this moment. */
export function useFreshMatching(roundId: Ref<string>): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    client.setQueryData(['rounds', roundId.value, 'matching'], await ask(roundId.value, true));
  };
}

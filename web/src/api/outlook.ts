import { useQuery, useQueryClient, type UseQueryReturnType } from '@tanstack/vue-query';
import type { Ref } from 'vue';

import { api, body } from './client';
import type { components } from './schema';

export type Outlook = components['schemas']['RoundOutlook'];

const EVERY_MS = 5 * 60 * 1000;

async function ask(roundId: string, fresh: boolean): Promise<Outlook> {
  const answer = await api.GET('/api/rounds/{round_id}/outlook', { params: { path: { round_id: roundId }, query: { fresh } } });
  return body(answer) as Outlook; // a spread is always three numbers
}

/** The rest of a round's day from how it stands; asked for again every five minutes. */
export function useOutlook(roundId: Ref<string>): UseQueryReturnType<Outlook, Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'outlook'],
    queryFn: async () => ask(roundId.value, false),
    refetchInterval: EVERY_MS,
    retry: false,
  });
}

/** Plays it anew, from this moment. */
export function useFreshOutlook(roundId: Ref<string>): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    client.setQueryData(['rounds', roundId.value, 'outlook'], await ask(roundId.value, true));
  };
}

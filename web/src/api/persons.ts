import { useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';

import { api, body } from './client';
import type { Chain, PersonDetail, PersonFound } from './shapes';

/** The fewest characters worth asking for: one character would list half the county. */
export const LEAST_QUERY = 2;

export function usePersonSearch(query: Ref<string>): UseQueryReturnType<PersonFound[], Error> {
  return useQuery({
    queryKey: ['persons', 'search', query],
    enabled: computed(() => query.value.length >= LEAST_QUERY),
    queryFn: async () => body(await api.GET('/api/persons', { params: { query: { q: query.value } } })).items,
  });
}

/** One person, masked, with household and categories. */
export function usePerson(personId: Ref<string>): UseQueryReturnType<PersonDetail, Error> {
  return useQuery({
    queryKey: ['persons', personId],
    queryFn: async () => {
      const path = { person_id: personId.value };
      return body(await api.GET('/api/persons/{person_id}', { params: { path } }));
    },
  });
}

export function useChain(personId: Ref<string>): UseQueryReturnType<Chain & { heardAt: number }, Error> {
  return useQuery({
    queryKey: ['persons', personId, 'chain'],
    queryFn: async () => {
      const path = { person_id: personId.value };
      const chain = body(await api.GET('/api/persons/{person_id}/chain', { params: { path } }));
      return { ...chain, heardAt: Date.now() };
    },
  });
}

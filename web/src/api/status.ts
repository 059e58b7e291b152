import { useQuery, type UseQueryReturnType } from '@tanstack/vue-query';

import { api, body } from './client';
import type { components } from './schema';

export type Status = components['schemas']['Status'];
export type LoadKind = components['schemas']['LoadKind'];

export function useStatus(): UseQueryReturnType<Status, Error> {
  return useQuery({
    queryKey: ['status'],
    queryFn: async () => body(await api.GET('/api/status')),
    refetchInterval: 5_000,
  });
}

import { type InfiniteData, useInfiniteQuery, type UseInfiniteQueryReturnType, useMutation, type UseMutationReturnType } from '@tanstack/vue-query';

import { api, body } from './client';
import { newId, type Order, submit } from './commands';
import { queryClient } from './query';
import type { components } from './schema';

export type Revocation = components['schemas']['RevocationOut'];
export type RevocationList = components['schemas']['RevocationList'];
/** What is to be no longer good: everything of a person until today, one code by its text, or a whole key. */
export type Revoked = Readonly<{ kind: 'person' | 'code' | 'key'; about: string; reason: string }>;

const SHOWN = 50;

export function useRevocations(): UseInfiniteQueryReturnType<InfiniteData<RevocationList>, Error> {
  return useInfiniteQuery({
    queryKey: ['revocations'],
    initialPageParam: '',
    queryFn: async ({ pageParam }) => {
      const query = { limit: SHOWN, ...(pageParam === '' ? {} : { after: pageParam }) };
      return body(await api.GET('/api/codes/revoked', { params: { query } }));
    },
    getNextPageParam: (last) => last.next ?? undefined,
  });
}

const ORDERS: Readonly<Record<Revoked['kind'], (about: string) => Order>> = {
  person: (about) => ({ kind: 'codes.revoke', payload: { person_id: about } }),
  code: (about) => ({ kind: 'code.revoke', payload: { token: about } }),
  key: (about) => ({ kind: 'key.revoke', payload: { key_id: about } }),
};

const heard = (): Promise<void> => queryClient.invalidateQueries({ queryKey: ['revocations'] });

export function useRevoke(): UseMutationReturnType<unknown, Error, Revoked, unknown> {
  return useMutation({
    mutationFn: ({ kind, about, reason }: Revoked) => {
      const { kind: order, payload } = ORDERS[kind](about);
      return submit([{ kind: order, payload: { ...payload, revocation_id: newId(), reason } }]);
    },
    onSuccess: heard,
  });
}

/** What was revoked by mistake is good again from now on. */
export function useLift(): UseMutationReturnType<unknown, Error, Readonly<{ id: string; reason: string }>, unknown> {
  return useMutation({
    mutationFn: ({ id, reason }: Readonly<{ id: string; reason: string }>) =>
      submit([{ kind: 'revocation.lift', payload: { revocation_id: id, reason } }]),
    onSuccess: heard,
  });
}

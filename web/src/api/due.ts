import { type InfiniteData, useInfiniteQuery, type UseInfiniteQueryReturnType, useMutation, type UseMutationReturnType, useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';

import { api, body } from './client';
import { type Order, steady, type Verdict } from './commands';
import { LEAST_QUERY } from './persons';
import { queryClient } from './query';
import type { DueList, DueRow } from './shapes';

/** How many people are shown at a time. */
const SHOWN = 100;
/** Of whoever a search means, as many as a page of the server holds. */
const MEANT = 1000;

export type DueState = DueRow['state'];
/** What of a due list is looked at; `added` are people who came on it after the freeze. */
export type DueView = Readonly<{ part: string; area: string; q: string }>;
export const ADDED = 'added';
export const STATES = ['due', 'sampled', 'resulted', 'excused', 'missed'] as const;

/** What a view asks the server for. */
export function askedOf(view: DueView): Readonly<{ state?: (typeof STATES)[number]; added?: boolean; area?: string; q?: string }> {
  const state = STATES.find((one) => one === view.part);
  return { ...(state ? { state } : {}), ...(view.part === ADDED ? { added: true } : {}), ...(view.area === '' ? {} : { area: view.area }), ...(view.q === '' ? {} : { q: view.q }) };
}

/** The due list page after page. */
export function useDueList(roundId: Ref<string>, view: Ref<DueView>): UseInfiniteQueryReturnType<InfiniteData<DueList>, Error> {
  return useInfiniteQuery({
    queryKey: ['rounds', roundId, 'due', view],
    initialPageParam: '',
    queryFn: async ({ pageParam }) => {
      const query = { ...askedOf(view.value), limit: SHOWN, ...(pageParam === '' ? {} : { after: pageParam }) };
      return body(await api.GET('/api/rounds/{round_id}/due', { params: { path: { round_id: roundId.value }, query } }));
    },
    getNextPageParam: (last) => last.next ?? undefined,
  });
}

/** Ids of those whom a search text means and who are on the list already. */
export function useListed(roundId: Ref<string>, q: Ref<string>): UseQueryReturnType<ReadonlySet<string>, Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'listed', q],
    enabled: computed(() => q.value.length >= LEAST_QUERY),
    queryFn: async () => {
      const params = { path: { round_id: roundId.value }, query: { q: q.value, limit: MEANT } };
      return new Set(body(await api.GET('/api/rounds/{round_id}/due', { params })).items.map((one) => one.person_id));
    },
  });
}

function useDecision<Given>(order: (given: Given) => Order): UseMutationReturnType<readonly Verdict[], Error, Given, unknown> {
  const send = steady();
  return useMutation({
    mutationFn: (given: Given) => send([order(given)]),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ['rounds'] }),
  });
}

export type Excused = Readonly<{ roundId: string; personId: string; reason: string; remark: string }>;

/** Somebody of the list need not be tested. */
export function useExcuse(): UseMutationReturnType<readonly Verdict[], Error, Excused, unknown> {
  return useDecision(({ roundId, personId, reason, remark }) => ({ kind: 'due.excuse', payload: { round_id: roundId, person_id: personId, reason, remark } }));
}

/** Takes an excuse back. */
export function useReinstate(): UseMutationReturnType<readonly Verdict[], Error, Readonly<{ roundId: string; personId: string; reason: string }>, unknown> {
  return useDecision(({ roundId, personId, reason }) => ({ kind: 'due.reinstate', payload: { round_id: roundId, person_id: personId, reason } }));
}

/** Everybody who came onto the list by one command, as it stands when it is asked: what is chosen from does not change under the hand. */
export function useAddedWith(roundId: Ref<string>, command: Ref<string>): UseQueryReturnType<readonly DueRow[], Error> {
  return useQuery({
    queryKey: ['addedWith', roundId, command],
    gcTime: 0,
    queryFn: async () => {
      const params = { path: { round_id: roundId.value }, query: { added_with: command.value, limit: MEANT } };
      return body(await api.GET('/api/rounds/{round_id}/due', { params })).items;
    },
  });
}

/** Takes people out again who were added by mistake. */
export function useWithdraw(): UseMutationReturnType<readonly Verdict[], Error, Readonly<{ roundId: string; personIds: readonly string[]; remark: string }>, unknown> {
  return useDecision(({ roundId, personIds, remark }) => ({ kind: 'due.withdraw', payload: { round_id: roundId, person_ids: personIds, remark } }));
}

/** Puts people of the roster on a frozen list. */
export function useAddDue(): UseMutationReturnType<readonly Verdict[], Error, Readonly<{ roundId: string; personIds: readonly string[]; reason: string }>, unknown> {
  return useDecision(({ roundId, personIds, reason }) => ({ kind: 'due.add', payload: { round_id: roundId, person_ids: personIds, reason } }));
}

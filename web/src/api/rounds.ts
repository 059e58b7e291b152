import {
  type InfiniteData, useInfiniteQuery, type UseInfiniteQueryReturnType, useMutation, type UseMutationReturnType, useQuery, type UseQueryReturnType,
} from '@tanstack/vue-query';
import type { Ref } from 'vue';

import type { RoundDraft } from '@/rules/round-draft';
import type { Step } from '@/rules/round-steps';
import { instantOf } from '@/rules/time';

import { api, body } from './client';
import { type Order, steady, type Verdict } from './commands';
import { allPages } from './pages';
import { queryClient } from './query';
import type { Clock, FigureRows, Overview, Round, RoundWhole, Site } from './shapes';

/** How often a screen left open asks again, in milliseconds. */
const REFRESH = 15_000;
/** How many running obligations a screen lists; the counts beside it are of all. */
const CLOCKS_SHOWN = 100;
const PAGE = 1000;
/** How many records a figure shows at a time: a slow phone draws these in a moment, and some hundreds in half a minute. */
export const RECORDS_SHOWN = 50;

export type Heard<T> = T & Readonly<{ heardAt: number }>;

export function useRounds(): UseQueryReturnType<readonly Round[], Error> {
  return useQuery({
    queryKey: ['rounds'],
    queryFn: async () => body(await api.GET('/api/rounds')).items,
    refetchInterval: REFRESH,
  });
}

/** One round, with its people counted by state. */
export function useRound(roundId: Ref<string>): UseQueryReturnType<RoundWhole, Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'whole'],
    queryFn: async () => body(await api.GET('/api/rounds/{round_id}', { params: { path: { round_id: roundId.value } } })),
    refetchInterval: REFRESH,
  });
}

/** Writes about a round; sent again after a lost answer they are done once. */
function useSteady<Given>(orders: (given: Given) => readonly Order[]): UseMutationReturnType<readonly Verdict[], Error, Given, unknown> {
  const send = steady();
  return useMutation({
    mutationFn: (given: Given) => send(orders(given)),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ['rounds'] }),
  });
}

/** Draws up a round, and the campaign it belongs to when that is new: both or neither. */
export function useCreateRound(): UseMutationReturnType<readonly Verdict[], Error, RoundDraft, unknown> {
  return useSteady((draft) => [
    ...(draft.isNewCampaign ? [{ kind: 'campaign.create', payload: { campaign_id: draft.campaignId, area: draft.area, name: draft.campaign.trim(), trigger: draft.trigger.trim() } }] : []),
    {
      kind: 'round.create',
      payload: {
        round_id: draft.roundId, campaign_id: draft.campaignId, no: Number(draft.no), area: draft.area, name: draft.name.trim(), preset: { code: draft.preset },
        window_start: instantOf(draft.start), window_end: instantOf(draft.end),
      },
    },
  ]);
}

export type Taken = Readonly<{ roundId: string; step: Step; areas?: Readonly<Record<string, string>>; within?: readonly string[] }>;

/** Takes a step of a round; freezing a county's list takes the server some time. */
export function useTakeStep(): UseMutationReturnType<readonly Verdict[], Error, Taken, unknown> {
  return useSteady(({ roundId, step, areas, within }) => [
    { kind: step.kind, payload: { round_id: roundId, ...(step.to === undefined ? {} : { to: step.to }), ...(areas === undefined ? {} : { areas }), ...(within === undefined ? {} : { within }) } },
  ]);
}

/** Writes down as missed everybody of a round in sight who was not swabbed; each is owed a catch-up by this owner. */
export function useMissRest(): UseMutationReturnType<readonly Verdict[], Error, Readonly<{ roundId: string; owner: string; reason: string }>, unknown> {
  return useSteady(({ roundId, owner, reason }) => [{ kind: 'due.miss', payload: { round_id: roundId, owner, reason } }]);
}

export function useCancelRound(): UseMutationReturnType<readonly Verdict[], Error, Readonly<{ roundId: string; reason: string }>, unknown> {
  return useSteady(({ roundId, reason }) => [{ kind: 'round.cancel', payload: { round_id: roundId, reason } }]);
}

export function useOverview(roundId: Ref<string>): UseQueryReturnType<Heard<Overview>, Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'overview'],
    queryFn: async () => {
      const path = { round_id: roundId.value };
      const overview = body(await api.GET('/api/rounds/{round_id}/overview', { params: { path } }));
      return { ...overview, heardAt: Date.now() };
    },
    refetchInterval: REFRESH,
  });
}

/** The round's running obligations, the most urgent first. */
export function useClocks(roundId: Ref<string>): UseQueryReturnType<Clock[], Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'clocks'],
    queryFn: async () => {
      const query = { round: roundId.value, state: 'running', limit: CLOCKS_SHOWN };
      return body(await api.GET('/api/clocks', { params: { query } })).items;
    },
    refetchInterval: REFRESH,
  });
}

export function useSites(roundId: Ref<string>): UseQueryReturnType<readonly Site[], Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'sites'],
    queryFn: async () => {
      const path = { round_id: roundId.value };
      return allPages(async (after) => {
        const query = after === null ? { limit: PAGE } : { after, limit: PAGE };
        return body(await api.GET('/api/rounds/{round_id}/sites', { params: { path, query } }));
      });
    },
    refetchInterval: REFRESH,
  });
}

/** The records one figure counts, page after page; the pages of one look share its moment. */
export function useFigureRows(
  roundId: Ref<string>,
  key: Ref<string>,
): UseInfiniteQueryReturnType<InfiniteData<FigureRows>, Error> {
  return useInfiniteQuery({
    queryKey: ['rounds', roundId, 'figures', key],
    initialPageParam: 0,
    queryFn: async ({ pageParam }) => {
      const path = { round_id: roundId.value, key: key.value };
      const query = { after: pageParam, limit: RECORDS_SHOWN };
      return body(await api.GET('/api/rounds/{round_id}/figures/{key}/rows', { params: { path, query } }));
    },
    getNextPageParam: (last) => last.next ?? undefined,
  });
}

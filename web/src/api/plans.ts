import { useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';

import { api, body } from './client';
import type { components } from './schema';

export type Plan = components['schemas']['PlanLine'];
export type Rehearsal = components['schemas']['Rehearsal'];
export type RehearsedDay = components['schemas']['DayOutlook'];
export type RehearsedSite = components['schemas']['SiteOutlook'];
export type Outcome = components['schemas']['Outcome'];

/** A round's plans, the newest first. */
export function usePlans(roundId: Ref<string>): UseQueryReturnType<readonly Plan[], Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'plans'],
    queryFn: async () => body(await api.GET('/api/rounds/{round_id}/plans', { params: { path: { round_id: roundId.value } } })).items,
  });
}

/** The plan to look at when nobody chose one: the one in force, else the newest that was not put aside. */
export function planToShow(plans: readonly Plan[]): Plan | null {
  return plans.find((plan) => plan.state === 'applied') ?? plans.find((plan) => plan.state !== 'dropped') ?? null;
}

/** A plan rehearsed. The server plays it when asked, which takes seconds for a county; a plan never changes. */
export function useRehearsal(planId: Ref<string>): UseQueryReturnType<Rehearsal, Error> {
  return useQuery({
    queryKey: ['plans', planId, 'rehearsal'],
    queryFn: async () => body(await api.GET('/api/plans/{plan_id}/rehearsal', { params: { path: { plan_id: planId.value } } })),
    enabled: computed(() => planId.value !== ''),
    staleTime: Infinity,
    retry: false,
  });
}

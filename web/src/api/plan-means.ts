import { useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';

import { api, body } from './client';
import type { components } from './schema';

export type PlanCrew = components['schemas']['PlanCrew'];
export type CrewHour = components['schemas']['HourLine'];
export type CrewShift = components['schemas']['Shift'];
export type CrewJob = components['schemas']['CrewJob'];
export type CrewUnit = components['schemas']['UnitLine'];
export type CrewTeam = components['schemas']['TeamLine'];
export type StandIn = components['schemas']['StandInLine'];
export type AskForPeople = components['schemas']['AskLine'];
export type PlanGoods = components['schemas']['PlanGoods'];
export type GoodsItem = components['schemas']['ItemLine'];
export type AskForGoods = components['schemas']['GoodsAskLine'];
export type PackLine = components['schemas']['PackLine'];

/** Who works where under a plan; one site with its hours, shifts and names (the first, when none is chosen). */
export function usePlanCrew(planId: Ref<string>, site: Ref<string>): UseQueryReturnType<PlanCrew, Error> {
  return useQuery({
    queryKey: ['plans', planId, 'crew', site],
    queryFn: async () => body(await api.GET('/api/plans/{plan_id}/crew', { params: { path: { plan_id: planId.value }, query: { site: site.value } } })),
    enabled: computed(() => planId.value !== ''),
    placeholderData: (before: PlanCrew | undefined) => before,
    staleTime: Infinity,
  });
}

/** What a plan's sites pack and where it comes from; one site with its whole pack. */
export function usePlanGoods(planId: Ref<string>, site: Ref<string>): UseQueryReturnType<PlanGoods, Error> {
  return useQuery({
    queryKey: ['plans', planId, 'goods', site],
    queryFn: async () => body(await api.GET('/api/plans/{plan_id}/goods', { params: { path: { plan_id: planId.value }, query: { site: site.value } } })),
    enabled: computed(() => planId.value !== ''),
    placeholderData: (before: PlanGoods | undefined) => before,
    staleTime: Infinity,
  });
}

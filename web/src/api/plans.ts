import { useMutation, type UseMutationReturnType, useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';

import { api, body } from './client';
import { submit } from './commands';
import { queryClient } from './query';
import type { TroublesAsked } from '@/rules/troubles';

import type { components } from './schema';

export type Plan = components['schemas']['PlanLine'];
export type PlanWhole = components['schemas']['PlanWhole'];
export type PlanSearch = components['schemas']['SearchState'];
export type PlanFinding = components['schemas']['FindingLine'];
export type Rehearsal = components['schemas']['Rehearsal'];
export type RehearsalState = components['schemas']['RehearsalState'];
export type RehearsedDay = components['schemas']['DayOutlook'];
export type RehearsedNumber = components['schemas']['Number'];
export type RehearsedSite = components['schemas']['SiteOutlook'];
export type Outcome = components['schemas']['Outcome'];

type PlanList = components['schemas']['PlanList'];
export type RuleToTry = components['schemas']['RuleToTry'];

function usePlanList<T>(roundId: Ref<string>, select: (found: PlanList) => T): UseQueryReturnType<T, Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'plans'],
    queryFn: async () => body(await api.GET('/api/rounds/{round_id}/plans', { params: { path: { round_id: roundId.value } } })),
    select,
  });
}

/** A round's plans, the newest first. */
export function usePlans(roundId: Ref<string>): UseQueryReturnType<readonly Plan[], Error> {
  return usePlanList(roundId, (found): readonly Plan[] => found.items);
}

/** What the round's preset says of the rules that may be tried with other values. */
export function useRulesToTry(roundId: Ref<string>): UseQueryReturnType<Readonly<Record<string, RuleToTry>>, Error> {
  return usePlanList(roundId, (found): Readonly<Record<string, RuleToTry>> => found.rules);
}

export type KeptLines = components['schemas']['LinesKept'];

/** Paths and barriers that an earlier plan of the round or its area had, by kind. */
export function useKeptLines(roundId: Ref<string>): UseQueryReturnType<Readonly<Record<string, KeptLines>>, Error> {
  return usePlanList(roundId, (found): Readonly<Record<string, KeptLines>> => found.lines);
}

/** The plan to look at when nobody chose one: the one in force, else the newest that was not put aside. */
export function planToShow(plans: readonly Plan[]): Plan | null {
  return plans.find((plan) => plan.state === 'applied') ?? plans.find((plan) => plan.state !== 'dropped') ?? null;
}

export type PlanAnswer = Readonly<{ sites: number; laboratories: number; people: number; posts: number }>;

/** Puts a plan in force, or aside; the answer says what was opened, shared out and called. */
export function useDecidePlan(): UseMutationReturnType<PlanAnswer, Error, Readonly<{ planId: string; what: 'apply' | 'drop' }>, unknown> {
  return useMutation({
    mutationFn: async ({ planId, what }: Readonly<{ planId: string; what: 'apply' | 'drop' }>) => {
      const [verdict] = await submit([{ kind: `plan.${what}`, payload: { plan_id: planId } }]);
      const told = verdict?.answer ?? {};
      const count = (key: keyof PlanAnswer): number => Number(told[key] ?? 0);
      return { sites: count('sites'), laboratories: count('laboratories'), people: count('people'), posts: count('posts') };
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: ['rounds'] }),
  });
}

const WATCH_MS = 1000;

/** Whether a rehearsal is still being played. */
export function isPlaying(found: Rehearsal | RehearsalState): found is RehearsalState {
  return 'state' in found;
}

/** Infected of ten thousand people; null: as many as the round before found, which the server knows. */
export type Infected = number | null;
const named = (positives: Infected): { positives?: number } => (positives === null ? {} : { positives });

async function rehearsalOf(planId: string, positives: Infected, again: boolean): Promise<Rehearsal | RehearsalState> {
  const query = { ...named(positives), ...(again ? { again } : {}) };
  const answer = await api.GET('/api/plans/{plan_id}/rehearsal', { params: { path: { plan_id: planId }, query } });
  return body(answer) as Rehearsal | RehearsalState; // two kinds of answer: the client forgets that triples are triples
}

/** A plan rehearsed, or how far that is, asked for again every second. The first to ask begins it; its answer is kept. */
export function useRehearsal(planId: Ref<string>, positives: Ref<Infected>): UseQueryReturnType<Rehearsal | RehearsalState, Error> {
  return useQuery({
    queryKey: ['plans', planId, 'rehearsal', positives],
    queryFn: async () => rehearsalOf(planId.value, positives.value, false),
    enabled: computed(() => planId.value !== ''),
    staleTime: Infinity,
    retry: false,
    refetchInterval: (query) => (query.state.data !== undefined && query.state.status === 'success' && isPlaying(query.state.data) ? WATCH_MS : false),
  });
}

async function troubledOf(planId: string, own: TroublesAsked, positives: Infected, again: boolean): Promise<Rehearsal | RehearsalState> {
  const query = { ...named(positives), ...(again ? { again } : {}) };
  return body(await api.POST('/api/plans/{plan_id}/troubles', { params: { path: { plan_id: planId }, query }, body: own as never })) as Rehearsal | RehearsalState;
}

/** What becomes of the plan's day if all of these go wrong at once; nothing is asked while there are none. */
export function useTroubled(planId: Ref<string>, own: Ref<TroublesAsked | null>, positives: Ref<Infected>): UseQueryReturnType<Rehearsal | RehearsalState, Error> {
  return useQuery({
    queryKey: ['plans', planId, 'troubles', own, positives],
    queryFn: async () => troubledOf(planId.value, own.value ?? { absent: 0, turnout: 100 }, positives.value, false),
    enabled: computed(() => planId.value !== '' && own.value !== null),
    staleTime: Infinity,
    retry: false,
    refetchInterval: (query) => (query.state.data !== undefined && query.state.status === 'success' && isPlaying(query.state.data) ? WATCH_MS : false),
  });
}

/** Play troubles whose rehearsal failed anew. */
export async function troubledAgain(planId: string, own: TroublesAsked, positives: Infected): Promise<void> {
  await troubledOf(planId, own, positives, true);
}

/** Play one that failed or was stopped anew. */
export async function rehearseAgain(planId: string, positives: Infected): Promise<void> {
  await rehearsalOf(planId, positives, true);
}

/** End a rehearsal with what was played so far. */
export async function stopRehearsal(planId: string, positives: Infected): Promise<void> {
  await api.POST('/api/plans/{plan_id}/rehearsal/stop', { params: { path: { plan_id: planId }, query: named(positives) } });
}

/** A plan with its findings; a plan never changes, so it is read once. */
export function usePlan(planId: Ref<string>): UseQueryReturnType<PlanWhole, Error> {
  return useQuery({
    queryKey: ['plans', planId, 'whole'],
    queryFn: async () => body(await api.GET('/api/plans/{plan_id}', { params: { path: { plan_id: planId.value } } })),
    enabled: computed(() => planId.value !== ''),
    staleTime: Infinity,
  });
}

export type Feature = Readonly<{
  properties: Readonly<Record<string, string | number>> & Readonly<{ layer: string }>;
  geometry: Readonly<{ type: 'Point'; coordinates: readonly [number, number] }> | Readonly<{ type: 'LineString'; coordinates: readonly (readonly [number, number])[] }> | Readonly<{ type: 'Polygon' | 'MultiLineString'; coordinates: readonly (readonly [number, number][])[] }>;
}>;

/** A round of a pick-up route, as it stands in the plan. Plans made before routes were planned lack boxes and kilometres. */
export type PlannedRun = Readonly<{
  route: string; vehicle: string; lab: string; leaves: string; arrives: string; oldest_minutes: number; tubes: number; km?: number;
  stops: readonly Readonly<{ site: string; at: string; tubes?: number; boxes?: number }>[];
}>;
export type PlannedTour = Readonly<{ team: string; site: string; leaves: string; back: string; doors: number; people: number }>;
type RunsMeasure = Readonly<{ vehicles: number; runs: number; km: number; oldest: number; late: number; full: number }>;
export type RunsChoice = Readonly<{ lab: string; method: string; reason: string; taken: RunsMeasure; beside?: RunsMeasure | null }>;
export type PlannedSite = Readonly<{
  code: string; name: string; kind: string; visits?: readonly Readonly<{ name: string; start: string; end: string; people: number }>[];
}>;

/** Of a plan's document what moves: runs, tours, and whom they call at. */
export type PlannedTransport = Readonly<{
  runs?: readonly PlannedRun[]; transport?: readonly RunsChoice[]; tours?: readonly PlannedTour[]; sites?: readonly PlannedSite[];
}>;

/** The plan's places on the map. */
export function usePlaces(planId: Ref<string>): UseQueryReturnType<readonly Feature[], Error> {
  return useQuery({
    queryKey: ['plans', planId, 'places'],
    queryFn: async () => {
      const answer = await api.GET('/api/plans/{plan_id}/plan.geojson', { params: { path: { plan_id: planId.value } } });
      return (answer.data as unknown as { features: readonly Feature[] }).features;
    },
    enabled: computed(() => planId.value !== ''),
    staleTime: Infinity,
  });
}

export function isLooking(search: PlanSearch): boolean {
  return search.state === 'waiting' || search.state === 'running';
}

/** Plans being looked for, asked for again every second while one is. */
export function useSearches(roundId: Ref<string>): UseQueryReturnType<readonly PlanSearch[], Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'searches'],
    queryFn: async () =>
      body(await api.GET('/api/rounds/{round_id}/plan-searches', { params: { path: { round_id: roundId.value } } })).items,
    refetchInterval: (query) => ((query.state.data ?? []).some(isLooking) ? WATCH_MS : false),
  });
}

/** A certified gap in percent, rounded up: never better than proven. */
export function gapText(cost: number, bound: number): string {
  return cost > 0 ? String(Math.ceil(((cost - bound) / cost) * 10_000) / 100) : '0';
}

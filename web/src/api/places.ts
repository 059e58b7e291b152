import { useMutation, type UseMutationReturnType, useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';

import { api, body } from './client';
import { newId, submit } from './commands';
import { allPages } from './pages';
import { queryClient } from './query';
import type { components } from './schema';

export type Candidate = components['schemas']['CandidateLine'];
export type PlaceListLine = components['schemas']['ListLine'];
export type PlaceProblem = components['schemas']['ProblemLine'];
export type PlaceListWhole = Readonly<{ item: PlaceListLine; problems: readonly PlaceProblem[] }>;
export type Homes = components['schemas']['HomesOut'];
export type Subject = 'candidates' | 'buildings';
export type Region = Readonly<{ area: string; name: string; children: number }>;

/** Every candidate in sight. */
export function useCandidates(withdrawn: Ref<boolean>): UseQueryReturnType<Candidate[], Error> {
  return useQuery({
    queryKey: ['candidates', withdrawn],
    queryFn: () =>
      allPages<Candidate>(async (after) =>
        body(await api.GET('/api/candidates', { params: { query: { withdrawn: withdrawn.value, ...(after === null ? {} : { after }) } } })),
      ),
  });
}

/** Of how many homes it is known where they stand. */
export function useHomes(): UseQueryReturnType<Homes, Error> {
  return useQuery({ queryKey: ['buildings', 'homes'], queryFn: async () => body(await api.GET('/api/buildings')) });
}

/** Areas directly below one: for choosing a village or a town. */
export function useRegions(under: Ref<string>): UseQueryReturnType<readonly Region[], Error> {
  return useQuery({
    queryKey: ['regions', under],
    queryFn: async () => body(await api.GET('/api/regions', { params: { query: { under: under.value } } })).items,
    enabled: computed(() => under.value !== ''),
    staleTime: Infinity,
  });
}

const WATCH_MS = 700;
export const isReading = (line: PlaceListLine): boolean => line.state === 'waiting' || line.state === 'reading';

/** A list that was handed in, asked for again until it is read. */
export function usePlaceList(subject: Subject, listId: Ref<string>): UseQueryReturnType<PlaceListWhole, Error> {
  return useQuery({
    queryKey: [subject, 'list', listId],
    queryFn: async (): Promise<PlaceListWhole> => {
      const params = { path: { list_id: listId.value } };
      return subject === 'candidates'
        ? body(await api.GET('/api/candidates/lists/{list_id}', { params }))
        : body(await api.GET('/api/buildings/lists/{list_id}', { params }));
    },
    enabled: computed(() => listId.value !== ''),
    refetchInterval: (query) => (query.state.data && isReading(query.state.data.item) ? WATCH_MS : false),
  });
}

export type HandIn = Readonly<{ file: File; area: string; datum: string }>;

/** Hands a file in; the answer is the list's id. */
export function useHandIn(subject: Subject): UseMutationReturnType<string, Error, HandIn, unknown> {
  return useMutation({
    mutationFn: async ({ file, area, datum }: HandIn) => {
      const form = new FormData();
      form.append('file', file);
      form.append('area', area);
      form.append('datum', datum);
      const sent = { body: form as never };
      const answer = subject === 'candidates' ? body(await api.POST('/api/candidates/lists', sent)) : body(await api.POST('/api/buildings/lists', sent));
      return answer.item.id;
    },
  });
}

function useOrder<Given>(subject: Subject, order: (given: Given) => Readonly<{ kind: string; payload: Readonly<Record<string, unknown>> }>): UseMutationReturnType<unknown, Error, Given, unknown> {
  return useMutation({
    mutationFn: (given: Given) => submit([order(given)]),
    onSettled: () => queryClient.invalidateQueries({ queryKey: [subject] }),
  });
}

/** Puts a list in force. */
export function useApplyList(subject: Subject): UseMutationReturnType<unknown, Error, string, unknown> {
  return useOrder(subject, (id) =>
    subject === 'candidates'
      ? { kind: 'candidate.import', payload: { candidate_list_id: id } }
      : { kind: 'building.place', payload: { building_list_id: id } },
  );
}

export interface CandidateDraft {
  candidate_id: string; area: string; no: string; name: string; kind: string; lon: string; lat: string; datum: string;
  lanes: string; setting: string; parking: string; barred: boolean; remarks: string;
}

export function blankDraft(area: string): CandidateDraft {
  return { candidate_id: newId(), area, no: '', name: '', kind: '', lon: '', lat: '', datum: 'wgs84', lanes: '', setting: '', parking: '', barred: false, remarks: '' };
}

export function draftOf(one: Candidate): CandidateDraft {
  return {
    candidate_id: one.id, area: one.area, no: one.no, name: one.name, kind: one.kind, lon: String(one.lon), lat: String(one.lat), datum: 'wgs84',
    lanes: one.lanes === null ? '' : String(one.lanes), setting: one.setting, parking: one.parking === null ? '' : one.parking ? 'yes' : 'no', barred: one.barred, remarks: one.remarks,
  };
}

/** Adds or changes one place. */
export function useSetCandidate(): UseMutationReturnType<unknown, Error, CandidateDraft, unknown> {
  return useOrder('candidates', (draft) => ({
    kind: 'candidate.set',
    payload: {
      ...draft, lon: Number(draft.lon), lat: Number(draft.lat), lanes: draft.lanes === '' ? null : Number(draft.lanes),
      parking: draft.parking === '' ? null : draft.parking === 'yes',
    },
  }));
}

export function useWithdrawCandidates(): UseMutationReturnType<unknown, Error, Readonly<{ ids: readonly string[]; reason: string }>, unknown> {
  return useOrder('candidates', ({ ids, reason }) => ({ kind: 'candidate.withdraw', payload: { candidate_ids: ids, reason } }));
}

export function useRestoreCandidates(): UseMutationReturnType<unknown, Error, readonly string[], unknown> {
  return useOrder('candidates', (ids) => ({ kind: 'candidate.restore', payload: { candidate_ids: ids } }));
}

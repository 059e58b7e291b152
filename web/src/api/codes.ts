import { useMutation, type UseMutationReturnType, useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import type { Ref } from 'vue';

import { api, body } from './client';
import { newId, submit } from './commands';
import { queryClient } from './query';
import type { components } from './schema';

export type TubeRange = components['schemas']['RangeOut'];
export type LabelPrint = components['schemas']['PrintOut'];
export type RangeGiven = Readonly<{ station: string; first: string; last: string }>;
export type PrintOrder = Readonly<{ kind: string; site: string; area: string; first: number; last: number; reason: string }>;

export function useRanges(roundId: Ref<string>): UseQueryReturnType<TubeRange[], Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'ranges'],
    queryFn: async () => body(await api.GET('/api/rounds/{round_id}/ranges', { params: { path: { round_id: roundId.value } } })).items,
  });
}

export function usePrints(roundId: Ref<string>): UseQueryReturnType<LabelPrint[], Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'prints'],
    queryFn: async () => body(await api.GET('/api/rounds/{round_id}/prints', { params: { path: { round_id: roundId.value } } })).items,
  });
}

const heard = async (): Promise<void> => {
  await queryClient.invalidateQueries({ queryKey: ['rounds'] });
};

export function useGiveRange(roundId: Ref<string>): UseMutationReturnType<unknown, Error, RangeGiven, unknown> {
  return useMutation({
    mutationFn: ({ station, first, last }: RangeGiven) =>
      submit([{ kind: 'range.give', payload: { range_id: newId(), round_id: roundId.value, station_code: station, first, last } }]),
    onSuccess: heard,
  });
}

export function useWithdrawRange(): UseMutationReturnType<unknown, Error, Readonly<{ id: string; reason: string }>, unknown> {
  return useMutation({
    mutationFn: ({ id, reason }: Readonly<{ id: string; reason: string }>) => submit([{ kind: 'range.withdraw', payload: { range_id: id, reason } }]),
    onSuccess: heard,
  });
}

/** Writes the print down and answers with the address of its file. */
export function usePrint(roundId: Ref<string>): UseMutationReturnType<string, Error, PrintOrder, unknown> {
  return useMutation({
    mutationFn: async ({ kind, site, area, first, last, reason }: PrintOrder) => {
      const print_id = newId();
      const where = kind === 'resident' ? { area } : { site_code: site };
      const span = kind === 'box' ? { first, last } : {};
      await submit([{ kind: 'labels.print', payload: { print_id, round_id: roundId.value, kind, reason, ...where, ...span } }]);
      return printFile(print_id);
    },
    onSuccess: heard,
  });
}

export const printFile = (printId: string): string => `/api/prints/${printId}/labels.pdf`;

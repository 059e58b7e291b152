import { useMutation, type UseMutationReturnType, useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import type { Ref } from 'vue';

import { uuid7 } from '@/rules/uuid7';

import { api, body } from './client';
import type { components } from './schema';

export type Balances = components['schemas']['BalanceList'];
/** `work`: the Word report; `work-tables`: its tables in Excel. */
export type ReportForm = 'work' | 'work-tables';

export function useReconciliation(roundId: Ref<string>): UseQueryReturnType<Balances, Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'reconciliation'],
    queryFn: async () => {
      const path = { round_id: roundId.value };
      return body(await api.GET('/api/rounds/{round_id}/reconciliation', { params: { path } }));
    },
  });
}

/** Has the server write a report from its records; answers with the address of the file. */
export function useReport(roundId: Ref<string>): UseMutationReturnType<string, Error, ReportForm, unknown> {
  return useMutation({
    mutationFn: async (form: ReportForm) => {
      const path = { round_id: roundId.value };
      const given = { report_id: uuid7(Date.now(), crypto.getRandomValues(new Uint8Array(10))), form };
      const made = body(await api.POST('/api/rounds/{round_id}/reports', { params: { path }, body: given }));
      return `/api/reports/${made.report_id}/file`;
    },
  });
}

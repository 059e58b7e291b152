import { useMutation, type UseMutationReturnType, useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import type { Ref } from 'vue';

import { api, body } from './client';
import { newId, type Order, submit } from './commands';
import { queryClient } from './query';
import type { components } from './schema';

export type Lane = components['schemas']['LaneOut'];
export type LaneDevice = components['schemas']['LaneDevice'];
export type LaneInvitation = components['schemas']['LaneInvitation'];
export type Invite = Readonly<{ lanes: readonly Lane[]; role: string; hours: number }>;

/** Lanes of a round with their phones and open invitations. */
export function useLanes(roundId: Ref<string>): UseQueryReturnType<Lane[], Error> {
  return useQuery({
    queryKey: ['rounds', roundId, 'devices'],
    queryFn: async () => {
      const path = { round_id: roundId.value };
      return body(await api.GET('/api/rounds/{round_id}/devices', { params: { path } })).items;
    },
    refetchInterval: 15_000, // a phone that enrols shows without a touch
  });
}

function useWrite<Given>(orders: (given: Given) => readonly Order[]): UseMutationReturnType<unknown, Error, Given, unknown> {
  return useMutation({
    mutationFn: (given: Given) => submit(orders(given)),
    onSettled: () => Promise.all(['rounds', 'hubs'].map((key) => queryClient.invalidateQueries({ queryKey: [key] }))),
  });
}

/** One invitation for each lane: all of them or none. */
export function useInvite(): UseMutationReturnType<unknown, Error, Invite, unknown> {
  return useWrite(({ lanes, role, hours }) =>
    lanes.map((lane) => ({
      kind: 'device.invite',
      payload: { token_id: newId(), station_code: lane.station_code, area: lane.area, role, hours },
    })),
  );
}

export function useCancelInvitation(): UseMutationReturnType<unknown, Error, Readonly<{ id: string; reason: string }>, unknown> {
  return useWrite(({ id, reason }) => [{ kind: 'invitation.cancel', payload: { token_id: id, reason } }]);
}

export function useRevokeDevice(): UseMutationReturnType<unknown, Error, Readonly<{ id: string; reason: string }>, unknown> {
  return useWrite(({ id, reason }) => [{ kind: 'device.revoke', payload: { device_id: id, reason } }]);
}

/** A phone that came back from an older copy of itself was looked into. */
export function useSettleRestored(): UseMutationReturnType<unknown, Error, Readonly<{ id: string; reason: string }>, unknown> {
  return useWrite(({ id, reason }) => [{ kind: 'restored.settle', payload: { device_id: id, reason } }]);
}

/** The picture a phone is held against. */
export const codePicture = (invitationId: string): string => `/api/devices/invitations/${invitationId}/qr.svg`;

/** The sheets to print: of the whole round, of a site, or of one lane. */
export function sheetAddress(roundId: string, narrow: Readonly<{ site?: string; station?: string }> = {}): string {
  return `/api/rounds/${roundId}/invitations.pdf?${new URLSearchParams(narrow).toString()}`;
}

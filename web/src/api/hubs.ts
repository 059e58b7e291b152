import { useMutation, type UseMutationReturnType, useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';

import { api, body } from './client';
import { newId, submit } from './commands';
import { queryClient } from './query';
import type { components } from './schema';

export type Hub = components['schemas']['Hub'];
export type HubInvitation = components['schemas']['HubInvitation'];
export type HubList = components['schemas']['HubList'];
export type HubArea = components['schemas']['Area'];
export type HubInvite = Readonly<{ name: string; area: string; hours: number }>;

/** Hubs at sites, open invitations for them, and the areas one can be invited for. */
export function useHubs(): UseQueryReturnType<HubList, Error> {
  return useQuery({
    queryKey: ['hubs'],
    queryFn: async () => body(await api.GET('/api/hubs')),
    refetchInterval: 5_000, // a hub that enrols shows without a touch
  });
}

/** Invites a hub; the answer is the invitation's id. */
export function useInviteHub(): UseMutationReturnType<string, Error, HubInvite, unknown> {
  return useMutation({
    mutationFn: async ({ name, area, hours }: HubInvite) => {
      const id = newId();
      await submit([{ kind: 'device.invite', payload: { token_id: id, station_code: `hub-${name}`, area, role: 'hub', hours } }]);
      return id;
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: ['hubs'] }),
  });
}

/** The line to run on the laptop. It carries a key, so that it is asked for each time and kept nowhere. */
export function useHubLine(invitation: Ref<string>, open: Ref<boolean>): UseQueryReturnType<string, Error> {
  return useQuery({
    queryKey: ['hubs', 'line', invitation],
    queryFn: async () => body(await api.GET('/api/devices/invitations/{token_id}', { params: { path: { token_id: invitation.value } } }))['line'] ?? '',
    enabled: computed(() => open.value),
    gcTime: 0,
  });
}

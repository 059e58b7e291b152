import { useMutation, type UseMutationReturnType, useQuery, type UseQueryReturnType } from '@tanstack/vue-query';

import type { Language } from '@/i18n';

import { api, body, holdToken } from './client';
import { queryClient } from './query';
import type { Session as Answer } from './shapes';

export type Session = Readonly<{
  name: string;
  roles: readonly string[];
  areas: readonly string[];
  permissions: ReadonlySet<string>;
  language: Language;
}>;

const KEY = ['session'] as const;

function toSession(answer: Answer): Session | null {
  holdToken(answer.csrf);
  if (answer.id === null) return null;
  return {
    name: answer.name,
    roles: [...new Set(answer.roles.map((hold) => hold.role))],
    areas: answer.areas,
    permissions: new Set(answer.permissions),
    language: answer.language.startsWith('en') ? 'en' : 'zh-CN',
  };
}

/** Who is signed in; `null` for nobody. Each look also renews the token that writes must carry. */
async function fetchSession(): Promise<Session | null> {
  return toSession(body(await api.GET('/api/session')));
}

const options = { queryKey: KEY, queryFn: fetchSession, staleTime: 60_000 } as const;

/** For the router: the session from the cache, or asked for once. */
export function currentSession(): Promise<Session | null> {
  return queryClient.query(options);
}

export function useSession(): UseQueryReturnType<Session | null, Error> {
  return useQuery(options);
}

export type Credentials = Readonly<{ username: string; password: string }>;

/** Signs in. Everything cached for whoever was here before is dropped. */
export function useSignIn(): UseMutationReturnType<Session | null, Error, Credentials, unknown> {
  return useMutation({
    mutationFn: async (credentials: Credentials) => {
      await fetchSession(); // a write needs the server's token; a first visit has none yet
      return toSession(body(await api.POST('/api/session', { body: credentials })));
    },
    onSuccess: (session) => {
      queryClient.clear();
      queryClient.setQueryData(KEY, session);
    },
  });
}

export function useSignOut(): UseMutationReturnType<void, Error, void, unknown> {
  return useMutation({
    mutationFn: async () => {
      await api.DELETE('/api/session');
    },
    onSettled: () => {
      queryClient.clear();
    },
  });
}

import { QueryClient } from '@tanstack/vue-query';

import { ApiError } from './errors';

/** Passing failures are tried again a few times; anything the server decided is shown at once. */
export function shouldRetry(failures: number, error: unknown): boolean {
  return failures < 3 && error instanceof ApiError && error.isPassing;
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { retry: shouldRetry, staleTime: 10_000, refetchOnWindowFocus: true },
    mutations: { retry: false }, // a write is sent again only by its sender, under the same id
  },
});

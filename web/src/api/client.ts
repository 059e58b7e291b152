import createClient, { type Middleware } from 'openapi-fetch';

import { chosenLanguage } from '@/i18n';

import { ApiError, NO_ANSWER, toApiError } from './errors';
import type { paths } from './schema';

let token = '';

/** Keeps the anti-forgery token of the latest session answer; every write carries it. */
export function holdToken(given: string): void {
  token = given;
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

const house: Middleware = {
  onRequest({ request }) {
    request.headers.set('Accept-Language', chosenLanguage());
    if (!SAFE.has(request.method)) {
      request.headers.set('X-CSRFToken', token);
    }
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return undefined;
    throw toApiError(response.status, await response.json().catch(() => null));
  },
  onError({ error }) {
    return error instanceof ApiError ? error : new ApiError({ status: 0, code: NO_ANSWER });
  },
};

/** The one way to the server: typed by its OpenAPI; every failure is an `ApiError`. */
export const api = createClient<paths>({
  baseUrl: location.origin,
  credentials: 'same-origin',
  fetch: (request) => fetch(request),
});
api.use(house);

/** The body of an answer that succeeded (failures have been thrown before this is reached). */
export function body<T>(answer: { data?: T }): T {
  if (answer.data === undefined) throw toApiError(0, null);
  return answer.data;
}

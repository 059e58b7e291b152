import { describe, expect, it } from 'vitest';

import { BAD_ANSWER, toApiError } from '@/api/errors';
import { shouldRetry } from '@/api/query';

describe('toApiError', () => {
  it('reads the code, the sentence and the advice of the server', () => {
    const error = toApiError(409, { code: 'campaigns.not_terminal', says: '还有 3 人', do: '逐一处理', params: { due: 3 } });
    expect(error).toMatchObject({ status: 409, code: 'campaigns.not_terminal', message: '还有 3 人', advice: '逐一处理' });
    expect(error.params).toEqual({ due: 3 });
  });
  it.each([null, 'a page of HTML', [], { detail: 'no code' }])('has a code even for %j', (body) => {
    expect(toApiError(500, body)).toMatchObject({ code: BAD_ANSWER, status: 500, advice: null });
  });
});

describe('shouldRetry', () => {
  it('asks again only where the same request may succeed later', () => {
    expect([0, 429, 502, 503].map((status) => shouldRetry(0, toApiError(status, null)))).toEqual([true, true, true, true]);
    expect([400, 401, 403, 404, 422, 500].some((status) => shouldRetry(0, toApiError(status, null)))).toBe(false);
    expect(shouldRetry(3, toApiError(503, null))).toBe(false);
    expect(shouldRetry(0, new Error('a fault of ours'))).toBe(false);
  });
});

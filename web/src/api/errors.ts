/** What went wrong, as the screens need it: a stable code, a sentence in the reader's language, and what to do. */

export type ApiErrorInit = Readonly<{
  status: number;
  code: string;
  message?: string | undefined;
  advice?: string | undefined;
  params?: Readonly<Record<string, unknown>> | undefined;
}>;

/** Codes the browser itself gives, when no answer of the server is at hand. */
export const NO_ANSWER = 'web.no_answer';
export const BAD_ANSWER = 'web.bad_answer';

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly advice: string | null;
  readonly params: Readonly<Record<string, unknown>>;

  constructor(init: ApiErrorInit) {
    super(init.message ?? '');
    this.name = 'ApiError';
    this.status = init.status;
    this.code = init.code;
    this.advice = init.advice ?? null;
    this.params = init.params ?? {};
  }

  /** Nobody is signed in (any longer). */
  get isSignedOut(): boolean {
    return this.status === 401;
  }

  /** The same request may succeed later without anyone changing anything. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 502;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Reads the server's error body `{code, says, do, params}`; anything else becomes `web.bad_answer` with its status. */
export function toApiError(status: number, body: unknown): ApiError {
  const { code, says, do: advice, params } = record(body);
  const stable = text(code);
  if (stable === undefined) return new ApiError({ status, code: BAD_ANSWER });
  return new ApiError({
    status,
    code: stable,
    message: text(says),
    advice: text(advice),
    params: record(params),
  });
}

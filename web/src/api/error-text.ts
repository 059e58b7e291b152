import { computed, type ComputedRef, type MaybeRefOrGetter, toValue } from 'vue';
import { useI18n } from 'vue-i18n';

import { ApiError, BAD_ANSWER, NO_ANSWER } from './errors';

export type ErrorText = Readonly<{ title: string; detail: string; code: string }>;

/** Turns any failure into what happened, what to do, and the code to tell the administrator. */
export function useErrorText(): (error: unknown) => ErrorText {
  const { t } = useI18n();
  const adviceFor = (error: ApiError): string => {
    if (error.advice !== null) return error.advice;
    if (error.code === NO_ANSWER) return t('error.adviceNoAnswer');
    if (error.status === 401) return t('error.adviceSignIn');
    if (error.status === 403) return t('error.adviceScope');
    if (error.status === 404) return t('error.adviceNotFound');
    if (error.status === 429) return t('error.adviceBusy');
    return error.status >= 500 ? t('error.adviceServer') : t('error.adviceInput');
  };
  return (error) => {
    if (!(error instanceof ApiError)) {
      return { title: t('error.unexpected'), detail: t('error.adviceServer'), code: BAD_ANSWER };
    }
    const title =
      error.code === NO_ANSWER ? t('error.noAnswer') : error.message === '' ? t('error.unexpected') : error.message;
    return { title, detail: adviceFor(error), code: error.code };
  };
}

/** The first of these that failed, as words; null while none did. */
export function useFailure(...errors: readonly MaybeRefOrGetter<unknown>[]): ComputedRef<ErrorText | null> {
  const errorText = useErrorText();
  return computed(() => {
    const first = errors.map((one) => toValue(one)).find(Boolean);
    return first === undefined ? null : errorText(first);
  });
}

import { useI18n } from 'vue-i18n';

import { spanOf, stamp } from '@/rules/time';

export type Words = Readonly<{
  count: (value: number | null | undefined) => string;
  clockTime: (iso: string | null | undefined) => string;
  moment: (iso: string | null | undefined) => string;
  /** With the year: for what may lie in another one. */
  longMoment: (iso: string | null | undefined) => string;
  day: (iso: string) => string;
  span: (milliseconds: number) => string;
  /** The word for a code of a vocabulary (`tube.sealed`); a code the screens do not know yet is shown as it is. */
  word: (vocabulary: string, code: string) => string;
  /** Several words in a row, parted as the language does it. */
  list: (parts: readonly string[]) => string;
}>;

/** How this product writes numbers, times and lengths of time, in the language of the screen. */
export function useWords(): Words {
  const i18n = useI18n();
  const { t, locale } = i18n;
  const count: Words['count'] = (value) =>
    value === null || value === undefined ? '—' : new Intl.NumberFormat(locale.value).format(value);
  const clockTime: Words['clockTime'] = (iso) => (iso ? stamp(iso, locale.value)?.time ?? '—' : '—');
  const moment: Words['moment'] = (iso) => {
    const at = iso ? stamp(iso, locale.value) : null;
    return at === null ? '—' : `${at.monthDay} ${at.time}`;
  };
  const longMoment: Words['longMoment'] = (iso) => {
    const at = iso ? stamp(iso, locale.value) : null;
    return at === null ? '—' : `${at.date} ${at.time}`;
  };
  const day: Words['day'] = (iso) => {
    const at = stamp(iso, locale.value);
    return at === null ? '—' : `${at.date} ${at.weekday}`;
  };
  const span: Words['span'] = (milliseconds) => {
    const { days, hours, minutes, seconds } = spanOf(milliseconds);
    if (days > 0) return t('span.daysHours', { days, hours });
    if (hours > 0) return t('span.hoursMinutes', { hours, minutes });
    if (minutes > 0) return t('span.minutesSeconds', { minutes, seconds });
    return t('span.seconds', { seconds });
  };
  const word: Words['word'] = (vocabulary, code) => {
    const key = `word.${vocabulary}.${code}`;
    return i18n.te(key, 'zh-CN') ? t(key) : code;
  };
  const list: Words['list'] = (parts) => parts.join(locale.value.startsWith('zh') ? '、' : ', ');
  return { count, clockTime, moment, longMoment, day, span, word, list };
}

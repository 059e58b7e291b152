import { createI18n } from 'vue-i18n';

import en from '@/locales/en.json';
import zhCN from '@/locales/zh-CN.json';

export type MessageSchema = typeof zhCN;
export type Language = 'zh-CN' | 'en';

export const LANGUAGES: readonly Language[] = ['zh-CN', 'en'];
const STORED_AT = 'yingjian.language';

declare module 'vue-i18n' {
  // The Chinese file is the reference: English is checked against it by the type below and by a test.
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- the documented way to type messages
  export interface DefineLocaleMessage extends MessageSchema {}
}

const english: MessageSchema = en;

/** The language to begin with: what this browser chose last, else Chinese, unless the browser asks for English only. */
export function initialLanguage(stored: string | null, wanted: readonly string[]): Language {
  if (stored === 'zh-CN' || stored === 'en') return stored;
  const reads = (prefix: string): boolean => wanted.some((tag) => tag.toLowerCase().startsWith(prefix));
  return !reads('zh') && reads('en') ? 'en' : 'zh-CN';
}

function stored(): string | null {
  try {
    return localStorage.getItem(STORED_AT);
  } catch {
    return null; // storage may be forbidden; the language then lasts as long as the page
  }
}

export const i18n = createI18n<[MessageSchema], Language, false>({
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- still the switch to the composition API in v11
  legacy: false,
  locale: initialLanguage(stored(), navigator.languages),
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zhCN, en: english },
});

export function chosenLanguage(): Language {
  return i18n.global.locale.value;
}

/** Whether this browser has chosen a language itself (then the account's own language does not override it). */
export function hasChosenLanguage(): boolean {
  return stored() !== null;
}

/** Changes every sentence on the screen; `remember` keeps the choice for the next visit. */
export function useLanguage(language: Language, { remember }: { remember: boolean }): void {
  i18n.global.locale.value = language;
  document.documentElement.lang = language;
  if (!remember) return;
  try {
    localStorage.setItem(STORED_AT, language);
  } catch {
    // see stored()
  }
}

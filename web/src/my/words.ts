import { ref } from 'vue';

import en from './locales/en.json';
import zh from './locales/zh-CN.json';

/** A resident's sentences: Chinese is the reference, English has every one of them. */
export type Word = keyof typeof zh;
export type Language = 'zh-CN' | 'en';

const english: Record<Word, string> = en;
const STORED_AT = 'yingjian.my.language';

function stored(): Language {
  try {
    return localStorage.getItem(STORED_AT) === 'en' ? 'en' : 'zh-CN';
  } catch {
    return 'zh-CN'; // storage may be forbidden; Chinese first
  }
}

export const language = ref<Language>(stored());

export function useLanguage(chosen: Language): void {
  language.value = chosen;
  document.documentElement.lang = chosen;
  try {
    localStorage.setItem(STORED_AT, chosen);
  } catch {
    // see stored()
  }
}

/** One sentence in the language of the screen, its parameters filled in. */
export function say(word: Word, given: Readonly<Record<string, string | number>> = {}): string {
  const text = (language.value === 'en' ? english : zh)[word];
  return text.replace(/\{(\w+)\}/gu, (_, name: string) => String(given[name] ?? ''));
}

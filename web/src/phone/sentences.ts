import { ref, type Ref } from 'vue';

export type Language = 'zh-CN' | 'en';

export interface Sentences<Word extends string> {
  /** The language of the screen. */
  readonly language: Ref<Language>;
  /** Changes it, and remembers it on this phone. */
  readonly useLanguage: (chosen: Language) => void;
  /** One sentence in the language of the screen, its parameters filled in. */
  readonly say: (word: Word, given?: Readonly<Record<string, string | number>>) => string;
}

function remembered(key: string): Language {
  try {
    return localStorage.getItem(key) === 'en' ? 'en' : 'zh-CN';
  } catch {
    return 'zh-CN'; // storage may be forbidden; Chinese first
  }
}

/** The sentences of one page, in both languages; `key` is where the phone remembers which. Smaller than the console's i18n. */
export function sentencesOf<Word extends string>(chinese: Readonly<Record<Word, string>>, english: Readonly<Record<Word, string>>, key: string): Sentences<Word> {
  const language = ref<Language>(remembered(key));
  return {
    language,
    useLanguage: (chosen) => {
      language.value = chosen;
      document.documentElement.lang = chosen;
      try {
        localStorage.setItem(key, chosen);
      } catch {
        // see remembered()
      }
    },
    say: (word, given = {}) => (language.value === 'en' ? english : chinese)[word].replace(/\{(\w+)\}/gu, (_, name: string) => String(given[name] ?? '')),
  };
}

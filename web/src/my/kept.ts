/** What stays on a resident's phone: signed codes and masked names. The ID number and the phone number never do. */
import { ref, type Ref } from 'vue';

export type Person = Readonly<{ name: string; id_tail: string }>;
export type Code = Readonly<{ token: string; people: readonly Person[]; issued: string; struck: boolean }>;

const STORED_AT = 'yingjian.my.codes';
const MOST = 20; // a phone lent to a whole village is not what this page is for

function isCode(value: unknown): value is Code {
  if (typeof value !== 'object' || value === null) return false;
  const { token, people, issued } = value as Record<string, unknown>;
  return typeof token === 'string' && Array.isArray(people) && typeof issued === 'string';
}

function read(): readonly Code[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(STORED_AT) ?? '[]');
    return Array.isArray(found) ? found.filter(isCode) : [];
  } catch {
    return []; // forbidden or damaged: the codes can be fetched again
  }
}

export const codes: Ref<readonly Code[]> = ref(read());
/** Whether the phone will still have them tomorrow. */
export const lasting = ref(true);

function keep(all: readonly Code[]): void {
  codes.value = all;
  try {
    localStorage.setItem(STORED_AT, JSON.stringify(all));
    lasting.value = true;
  } catch {
    lasting.value = false;
  }
}

/** Whom a code is for, as far as this phone knows: how many, and their masked names. */
const whose = (code: Code): string => code.people.map((one) => `${one.name} ${one.id_tail}`).join();

/** The codes just fetched come first; an older one of the same people is replaced. */
export function take(fetched: readonly Code[]): void {
  const fresh = new Set(fetched.map(whose));
  keep([...fetched, ...codes.value.filter((code) => !fresh.has(whose(code)))].slice(0, MOST));
}

export function forget(): void {
  keep([]);
}

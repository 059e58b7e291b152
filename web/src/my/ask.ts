/** A resident's questions to the server: by ID number and phone, without an account. */
import type { Code } from './kept';
import { language, say } from './words';

export type Who = Readonly<{ id_type: string; id_number: string; phone: string }>;
export type Result = Readonly<{ round: string; sampled_at: string | null; outcome: string; tested_at: string | null; laboratory: string; released_at: string | null; corrected: boolean }>;
export type Refusal = Readonly<{ says: string; advice: string }>;
export type Answer<T> = Readonly<{ items: readonly T[] } | Refusal>;

const PATIENCE = 20_000;

async function post<T>(path: string, who: Who): Promise<Answer<T>> {
  let answer: Response;
  const patience = new AbortController();
  const bell = setTimeout(() => { patience.abort(); }, PATIENCE);
  try {
    answer = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Accept-Language': language.value },
      body: JSON.stringify(who),
      credentials: 'omit', // whoever is signed in on this phone has nothing to do with it
      signal: patience.signal,
    });
  } catch {
    return { says: say('ask.noNetwork'), advice: say('ask.noNetworkDo') };
  } finally {
    clearTimeout(bell);
  }
  const told = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  if (answer.ok && Array.isArray(told['items'])) return { items: told['items'] as T[] };
  const text = (key: string): string => (typeof told[key] === 'string' ? told[key] : '');
  return { says: text('says') || say('ask.failed'), advice: text('do') || say('ask.failedDo') };
}

export const askCodes = (who: Who): Promise<Answer<Code>> => post('/api/codes/own', who);
export const askResults = (who: Who): Promise<Answer<Result>> => post('/api/results/lookup', who);

/** What may be decided about somebody of a due list. The server's table decides (design §5). */

export type Listed = Readonly<{ state: string; reason: string }>;

/** An excuse that is none of the preset's: somebody's own words stand beside it. */
export const OTHER = 'other';

const OVER: ReadonlySet<string> = new Set(['closed', 'cancelled']);

/** Whether a round's list is open to decisions: frozen, and not over. */
export const isOpen = (state: string, frozen: boolean): boolean => frozen && !OVER.has(state);

export const mayExcuse = (one: Listed): boolean => one.state === 'due' || one.state === 'missed';
export const mayReinstate = (one: Listed): boolean => one.state === 'excused';

export type Added = Listed & Readonly<{ added: boolean; sampled_at: string | null; resulted_at: string | null }>;

/** Whether somebody who was added can be taken out again: nothing is recorded of them. */
export const mayWithdraw = (one: Added): boolean => one.added && mayExcuse(one) && one.sampled_at === null && one.resulted_at === null;

/** What is sent for a choice: a code and a remark, which `other` cannot be without; null while something is lacking. */
export function excuseOf(choice: string, remark: string): Readonly<{ reason: string; remark: string }> | null {
  const words = remark.trim();
  return choice === '' || (choice === OTHER && words === '') ? null : { reason: choice, remark: words };
}

export type Candidate = Readonly<{ id: string; area: string }>;

/** Why somebody found in the roster cannot be added to a round's list; null when they can. */
export function hindrance(one: Candidate, roundArea: string, listed: ReadonlySet<string>): 'listed' | 'outside' | null {
  if (listed.has(one.id)) return 'listed';
  return one.area.startsWith(roundArea) ? null : 'outside';
}

/** The life of a round as a row of steps: which command takes each, and who may give it. The server's table decides (design §5). */

export type StepKey = 'freeze' | 'approve' | 'activate' | 'sampling' | 'testing' | 'reconciling' | 'close';
export type Step = Readonly<{ key: StepKey; kind: string; to?: string; permission: string }>;

export const STEPS: readonly Step[] = [
  { key: 'freeze', kind: 'round.freeze', permission: 'plan_round' },
  { key: 'approve', kind: 'round.approve', permission: 'approve_round' },
  { key: 'activate', kind: 'round.activate', permission: 'approve_round' },
  { key: 'sampling', kind: 'round.advance', to: 'sampling', permission: 'plan_round' },
  { key: 'testing', kind: 'round.advance', to: 'testing', permission: 'plan_round' },
  { key: 'reconciling', kind: 'round.advance', to: 'reconciling', permission: 'plan_round' },
  { key: 'close', kind: 'round.close', permission: 'close_round' },
];

/** Steps done in each state; a draft's list may be frozen already. */
const DONE: Readonly<Record<string, number>> = { draft: 0, approved: 2, mobilising: 3, sampling: 4, testing: 5, reconciling: 6, closed: 7 };
const CANCELLABLE: ReadonlySet<string> = new Set(['draft', 'approved', 'mobilising', 'sampling']);

/** How many steps are behind a round; -1 for one that was called off, or whose state is not known here. */
export function stepsDone(state: string, frozen: boolean): number {
  return state === 'draft' && frozen ? 1 : (DONE[state] ?? -1);
}

/** What comes next, if anything does. */
export function nextStep(state: string, frozen: boolean): Step | null {
  const done = stepsDone(state, frozen);
  return done < 0 ? null : (STEPS[done] ?? null);
}

/** Whether a round may still be called off. */
export const mayCancel = (state: string): boolean => CANCELLABLE.has(state);

/** Whether those who were not swabbed are settled now: the sampling is over and the round is not. */
export const settlesRest = (state: string): boolean => state === 'testing' || state === 'reconciling';

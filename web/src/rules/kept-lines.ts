/** Where the paths and barriers of a plan come from: a file, the plan that is looked at, or an earlier plan. */

export type Kept = Readonly<{ plan_id: string; count: number }>;

/** Lines named by the plan that has them: the server looks them up there, and no copy is sent. */
export type FromPlan = Readonly<{ plan: string }>;

/** What stands while nothing was chosen: the lines of the plan shown; where none is shown, those of an earlier plan. */
export function keptOf(planId: string, ownCount: number, earlier: Kept | undefined): Readonly<{ option: FromPlan; count: number; isOwn: boolean }> | null {
  if (planId !== '') return ownCount > 0 ? { option: { plan: planId }, count: ownCount, isOwn: true } : null;
  return earlier === undefined ? null : { option: { plan: earlier.plan_id }, count: earlier.count, isOwn: false };
}

/** What is sent: what was chosen, which may be nothing at all, else what stands. */
export const linesOf = (chosen: unknown, kept: Readonly<{ option: FromPlan }> | null): unknown => chosen ?? kept?.option ?? [];

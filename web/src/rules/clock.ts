/** Where an obligation stands at a moment. The server decides breach; the screen only counts towards it between refreshes. */

export type ClockTimes = Readonly<{ startedAt: string; dueAt: string; stoppedAt: string | null }>;

export type ClockFace =
  | Readonly<{ kind: 'met'; spareMs: number }>
  | Readonly<{ kind: 'late'; overMs: number }>
  | Readonly<{ kind: 'running'; leftMs: number; share: number; soon: boolean }>
  | Readonly<{ kind: 'breached'; overMs: number }>;

/** The last quarter of an obligation's time is shown as pressing; a display choice, no rule of the protocol. */
export const SOON_SHARE = 0.75;

/**
 * The face a clock shows at `now` (milliseconds since the epoch).
 * A clock stopped exactly at its due time is met: intervals are `[start, due]` for obligations.
 */
export function clockFace(clock: ClockTimes, now: number): ClockFace {
  const start = Date.parse(clock.startedAt);
  const due = Date.parse(clock.dueAt);
  if (clock.stoppedAt !== null) {
    const stopped = Date.parse(clock.stoppedAt);
    return stopped <= due ? { kind: 'met', spareMs: due - stopped } : { kind: 'late', overMs: stopped - due };
  }
  if (now > due) return { kind: 'breached', overMs: now - due };
  const length = due - start;
  const share = length <= 0 ? 1 : Math.min(1, Math.max(0, (now - start) / length));
  return { kind: 'running', leftMs: due - now, share, soon: share >= SOON_SHARE };
}

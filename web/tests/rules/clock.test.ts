import { describe, expect, it } from 'vitest';

import { clockFace } from '@/rules/clock';

const startedAt = '2022-03-15T07:00:00+08:00';
const dueAt = '2022-03-15T11:00:00+08:00';
const at = (iso: string): number => Date.parse(iso);
const HOUR = 3_600_000;

describe('clockFace', () => {
  it('runs, and presses in its last quarter', () => {
    const early = clockFace({ startedAt, dueAt, stoppedAt: null }, at('2022-03-15T09:59:59+08:00'));
    const pressing = clockFace({ startedAt, dueAt, stoppedAt: null }, at('2022-03-15T10:00:00+08:00'));
    expect(early).toMatchObject({ kind: 'running', soon: false });
    expect(pressing).toMatchObject({ kind: 'running', soon: true, leftMs: HOUR });
  });
  it('is not breached at the very moment it is due, and is a millisecond later', () => {
    expect(clockFace({ startedAt, dueAt, stoppedAt: null }, at(dueAt)).kind).toBe('running');
    expect(clockFace({ startedAt, dueAt, stoppedAt: null }, at(dueAt) + 1)).toEqual({ kind: 'breached', overMs: 1 });
  });
  it('once stopped says how it ended, whatever the time is now', () => {
    const now = at('2023-01-01T00:00:00+08:00');
    expect(clockFace({ startedAt, dueAt, stoppedAt: dueAt }, now)).toEqual({ kind: 'met', spareMs: 0 });
    const late = '2022-03-15T12:00:00+08:00';
    expect(clockFace({ startedAt, dueAt, stoppedAt: late }, now)).toEqual({ kind: 'late', overMs: HOUR });
  });
  it('has a face when it is due at its own start', () => {
    expect(clockFace({ startedAt, dueAt: startedAt, stoppedAt: null }, at(startedAt))).toMatchObject({ share: 1 });
  });
});

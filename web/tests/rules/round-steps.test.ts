import { describe, expect, it } from 'vitest';

import { mayCancel, nextStep, settlesRest, STEPS, stepsDone } from '@/rules/round-steps';

const LIFE = ['draft', 'approved', 'mobilising', 'sampling', 'testing', 'reconciling', 'closed'];

describe('the steps of a round', () => {
  it('follow each other: freezing within the draft, then one state after the other', () => {
    expect(nextStep('draft', false)?.kind).toBe('round.freeze');
    expect(LIFE.map((state) => nextStep(state, true)?.key)).toEqual(['approve', 'activate', 'sampling', 'testing', 'reconciling', 'close', undefined]);
    expect(stepsDone('closed', true)).toBe(STEPS.length);
  });
  it('name the state an advance leads to', () => {
    for (const step of STEPS) expect(step.to, step.key).toBe(step.kind === 'round.advance' ? step.key : undefined);
  });
  it('end with a round that was called off, and with a state nobody here knows', () => {
    for (const state of ['cancelled', 'elsewhere']) expect([stepsDone(state, true), nextStep(state, true)]).toEqual([-1, null]);
  });
  it('settle whoever was not swabbed after the sampling, before the close', () => {
    expect([...LIFE, 'cancelled'].filter(settlesRest)).toEqual(['testing', 'reconciling']);
  });
  it('can be left until the tests are all that is left', () => {
    expect([...LIFE, 'cancelled'].filter(mayCancel)).toEqual(['draft', 'approved', 'mobilising', 'sampling']);
  });
});

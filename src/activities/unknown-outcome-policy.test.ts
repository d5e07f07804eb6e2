import { describe, expect, it } from 'vitest';
import { decideUnknownOutcome, later, lookUpTimeMs } from './unknown-outcome-policy.js';

const limits = { ambiguousWaitLowMs: 45 * 60_000, providerCount: 2 };
const open = (overrides: Partial<Parameters<typeof decideUnknownOutcome>[1]> = {}) => ({
  provider: 'mailgun' as const,
  ageMs: 6_000,
  openMs: -1_000,
  toDeadlineMs: 9_000,
  abandoned: 0,
  ...overrides,
});

describe('an ambiguous attempt without evidence', () => {
  it('critical: waits until five seconds before the deadline, then goes to the next provider', () => {
    expect(decideUnknownOutcome('critical', open({ toDeadlineMs: 9_000 }), limits)).toEqual({
      kind: 'wait',
      waitMs: 3_000,
    });
    expect(decideUnknownOutcome('critical', open({ toDeadlineMs: 5_200 }), limits)).toEqual({
      kind: 'wait',
      waitMs: 200,
    });
    expect(decideUnknownOutcome('critical', open({ toDeadlineMs: 5_000 }), limits)).toEqual({ kind: 'send_again' });
  });

  it('critical: gives evidence a second after the end of a call, however late it is', () => {
    const late = open({ toDeadlineMs: -60_000, openMs: -400 });
    expect(decideUnknownOutcome('critical', late, limits)).toEqual({ kind: 'wait', waitMs: 600 });
    expect(decideUnknownOutcome('critical', { ...late, openMs: -1_000 }, limits)).toEqual({ kind: 'send_again' });
  });

  it('critical: is given up at each provider once', () => {
    expect(decideUnknownOutcome('critical', open({ toDeadlineMs: 0, abandoned: 1 }), limits).kind).toBe('send_again');
    expect(decideUnknownOutcome('critical', open({ toDeadlineMs: 0, abandoned: 2 }), limits).kind).toBe('bury');
  });

  it('medium: is sent again once, at its deadline', () => {
    expect(decideUnknownOutcome('medium', open({ toDeadlineMs: 1 }), limits).kind).toBe('wait');
    expect(decideUnknownOutcome('medium', open({ toDeadlineMs: 0 }), limits).kind).toBe('send_again');
    expect(decideUnknownOutcome('medium', open({ toDeadlineMs: 0, abandoned: 1 }), limits).kind).toBe('bury');
  });

  it('low: is sent again once, after 45 minutes', () => {
    expect(decideUnknownOutcome('low', open({ ageMs: 45 * 60_000 - 1 }), limits).kind).toBe('wait');
    expect(decideUnknownOutcome('low', open({ ageMs: 45 * 60_000 }), limits).kind).toBe('send_again');
    expect(decideUnknownOutcome('low', open({ ageMs: 45 * 60_000, abandoned: 1 }), limits).kind).toBe('bury');
  });

  it('SMTP: medium and low are never repeated by themselves', () => {
    expect(decideUnknownOutcome('medium', open({ provider: 'smtp', toDeadlineMs: 0 }), limits).kind).toBe('bury');
    expect(decideUnknownOutcome('low', open({ provider: 'smtp', ageMs: 45 * 60_000 }), limits).kind).toBe('bury');
    expect(decideUnknownOutcome('critical', open({ provider: 'smtp', toDeadlineMs: 0 }), limits).kind).toBe(
      'send_again',
    );
  });

  it('looks again soon at first, then more and more rarely, at least every five minutes', () => {
    const wait = (ageMs: number) => decideUnknownOutcome('low', open({ ageMs }), limits);
    expect(wait(1_000)).toEqual({ kind: 'wait', waitMs: 1_000 });
    expect(wait(40_000)).toEqual({ kind: 'wait', waitMs: 20_000 });
    expect(wait(20 * 60_000)).toEqual({ kind: 'wait', waitMs: 5 * 60_000 });
  });

  it('critical: asks a slow provider only for as long as the next one does not wait for it', () => {
    expect(lookUpTimeMs('critical', open({ toDeadlineMs: 9_000 }), limits)).toBe(3_000);
    expect(lookUpTimeMs('critical', open({ toDeadlineMs: 7_000 }), limits)).toBe(2_000);
    expect(lookUpTimeMs('critical', open({ toDeadlineMs: 5_000 }), limits)).toBe(1_000);
    expect(lookUpTimeMs('medium', open({ toDeadlineMs: 0 }), limits)).toBe(3_000);
  });

  it('critical: is with the next provider before its deadline, though asking takes all the time it may', () => {
    // From the end of a call of 5 s on: ask in vain, then wait as long as the policy says, again and again.
    let now = open({ ageMs: 5_000, openMs: 0, toDeadlineMs: 10_000 });
    for (;;) {
      now = later(now, lookUpTimeMs('critical', now, limits));
      const decision = decideUnknownOutcome('critical', now, limits);
      if (decision.kind !== 'wait') break;
      now = later(now, decision.waitMs);
    }
    expect(now.toDeadlineMs).toBeGreaterThanOrEqual(4_000);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BelievedUnsent, judge, type SentEvidence, type Trace } from './verdict.js';

/** What really became of an e-mail, step by step; anybody may have seen a beginning of it only. */
const STEPS = ['dispatched', 'uploaded', 'called', 'taken', 'answered'] as const;

/** How much of the truth each has: the record as it was restored, Temporal, the provider's log. */
interface World {
  /** How many steps were made. */
  readonly made: number;
  readonly inRecord: number;
  readonly inTemporal: number;
  readonly providerTells: boolean;
  readonly temporalIsWhole: boolean;
  readonly isDead: boolean;
  readonly isDueLater: boolean;
  readonly hasAttachment: boolean;
}

const world: fc.Arbitrary<World> = fc
  .record({
    made: fc.nat(STEPS.length),
    inRecord: fc.nat(STEPS.length),
    inTemporal: fc.nat(STEPS.length),
    providerTells: fc.boolean(),
    temporalIsWhole: fc.boolean(),
    isDead: fc.boolean(),
    isDueLater: fc.boolean(),
    hasAttachment: fc.boolean(),
  })
  .map((each) => ({
    ...each,
    // Nobody knows more than there is; and nothing that is due later has been sent.
    made: each.isDueLater ? 0 : each.made,
    // The record would not believe it unsent with the answer in it.
    inRecord: Math.min(each.inRecord, each.isDueLater ? 0 : each.made, STEPS.indexOf('answered')),
    inTemporal: each.temporalIsWhole
      ? each.isDueLater
        ? 0
        : each.made
      : Math.min(each.inTemporal, each.isDueLater ? 0 : each.made),
  }));

const has = (steps: number, step: (typeof STEPS)[number]) => steps > STEPS.indexOf(step);
const evidence = (by: SentEvidence['by']): SentEvidence => ({
  ...{ by, provider: 'mailgun', generation: 1, attempt: null, providerMessageId: null, at: null },
});

function judged(each: World) {
  const email: BelievedUnsent = {
    isDead: each.isDead,
    hasOpenCall: has(each.inRecord, 'called'),
    wasDispatched: has(each.inRecord, 'dispatched'),
    isDueLater: each.isDueLater,
  };
  const trace: Trace = has(each.inTemporal, 'answered')
    ? { kind: 'accepted', sent: [evidence('temporal')] }
    : // Temporal learns of a call only that it was ordered: before it began, and until it is answered.
      {
        kind: has(each.inTemporal, 'uploaded')
          ? 'doubtful'
          : has(each.inTemporal, 'dispatched')
            ? 'not_taken'
            : 'absent',
      };
  const found = has(each.made, 'taken') && each.providerTells ? [evidence('provider')] : [];
  const wasUploaded = each.hasAttachment && has(each.made, 'uploaded');
  return { ...judge(email, trace, found, { temporalIsWhole: each.temporalIsWhole, wasUploaded }), trace, found };
}

describe('a judgement, wherever the record and Temporal were cut', () => {
  it('is "sent" exactly where somebody tells that it was taken: nothing with evidence is sent twice', () => {
    fc.assert(
      fc.property(world, (each) => {
        const { verdict, trace, found, sent } = judged(each);
        expect(verdict === 'sent').toBe(trace.kind === 'accepted' || found.length > 0);
        expect(sent.length > 0).toBe(verdict === 'sent');
      }),
    );
  });

  it('is never "unsent" of what was taken, unless nobody sends that by itself', () => {
    fc.assert(
      fc.property(world, (each) => {
        if (has(each.made, 'taken') && !each.isDead) expect(judged(each).verdict).not.toBe('unsent');
      }),
    );
  });

  it('is never "sent" of what was not taken: nothing is believed sent that has to be', () => {
    fc.assert(
      fc.property(world, (each) => {
        if (!has(each.made, 'taken')) expect(judged(each).verdict).not.toBe('sent');
      }),
    );
  });
});

describe('evidence', () => {
  it('of Temporal is completed by what the same provider tells, and another provider is one more', () => {
    const email = { isDead: false, hasOpenCall: false, wasDispatched: true, isDueLater: false };
    const told = evidence('temporal');
    const at = new Date('2030-01-31T09:00:00Z');
    const found = { ...evidence('provider'), attempt: 2, providerMessageId: 'theirs', at };
    const other = { ...found, provider: 'mandrill' as const };
    const whole = { temporalIsWhole: true, wasUploaded: false };
    expect(judge(email, { kind: 'accepted', sent: [told] }, [found, other], whole)).toEqual({
      verdict: 'sent',
      evidence: 'temporal',
      sent: [{ ...told, attempt: 2, providerMessageId: 'theirs', at }, other],
    });
  });
});

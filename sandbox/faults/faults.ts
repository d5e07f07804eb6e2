import { z } from 'zod';
import { PROVIDERS, type ProviderName } from '../message.js';

const ms = z.number().nonnegative();
const fraction = z.number().min(0).max(1);
const off = z.boolean().default(false);

/** Where a request can be held, so that a test can kill a worker exactly there. */
export const PAUSE_POINTS = ['while_reading_body', 'after_taking_before_answer', 'just_after_answer'] as const;
export type PausePoint = (typeof PAUSE_POINTS)[number];

const webhookFaults = z.strictObject({
  /** Milliseconds (not scaled) before the first post. */
  delayMs: ms.default(0),
  /** How many times more than once each event is posted. */
  repeat: z.number().int().nonnegative().max(20).default(0),
  /** Random order: each post waits up to a second (or `delayMs`, if longer) more. */
  shuffle: off,
  /** The share of events that are never posted. */
  loseFraction: fraction.default(0),
  badSignature: off,
});

const providerFaults = z.strictObject({
  /** Before anything is taken. */
  latencyMs: z.strictObject({ min: ms, max: ms }).nullable().default(null),
  reset: off,
  hang: off,
  down: off,
  throttled: z
    .union([z.literal(false), z.strictObject({ retryAfterS: z.number().int().nonnegative() })])
    .default(false),
  wrongKey: off,
  quotaExhausted: off,
  /** After the message was taken. */
  errorAfterTaking: off,
  noAnswer: off,
  resetAfterTaking: off,
  /** The share of requests that the faults above apply to. */
  rate: fraction.default(1),
  /** How long (not scaled) a message or event stays invisible to look-ups. */
  lookUpLagMs: ms.default(0),
  /** The share of look-ups that find nothing. */
  lookUpMiss: fraction.default(0),
  webhooks: webhookFaults.prefault({}),
});

const faultsSchema = z.strictObject({
  mailgun: providerFaults.prefault({}),
  mandrill: providerFaults.prefault({}),
  /** Hold requests here … */
  pausePoint: z.enum(PAUSE_POINTS).nullable().default(null),
  /** … of this provider only … */
  pauseProvider: z.enum(PROVIDERS).nullable().default(null),
  /** … the next so many (null: all) … */
  pauseTimes: z.number().int().positive().nullable().default(null),
  /** … until released, at most this long. */
  holdMs: ms.default(60_000),
  /** How late a call for `slow@` is answered. */
  slowMs: ms.default(10_000),
});

export type Faults = z.output<typeof faultsSchema>;
export type FaultsInput = z.input<typeof faultsSchema>;
export type ProviderFaults = Faults[ProviderName];

const NONE = faultsSchema.parse({});

/** The switchboard: which faults are on. Setting replaces the whole; `{}` switches everything off. */
export class FaultTable {
  private current: Faults = NONE;

  get(): Faults {
    return this.current;
  }

  /** @throws ZodError naming every unknown or wrong field. */
  set(input: unknown): Faults {
    this.current = faultsSchema.parse(input);
    return this.current;
  }

  of(provider: ProviderName): ProviderFaults {
    return this.current[provider];
  }

  /** The faults one request meets; one throw of the dice decides for all of them. */
  forRequest(provider: ProviderName): ProviderFaults {
    const faults = this.of(provider);
    return chance(faults.rate) ? faults : NONE[provider];
  }
}

/** True in the given share of cases. */
export function chance(share: number): boolean {
  return Math.random() < share;
}

import type { OpenAttempt } from '../domain/attempts/unknown-outcomes.js';
import type { Priority } from '../priority.js';
import { canBeAsked } from '../providers/registry.js';

/** What to do about an attempt for which there is no evidence. */
type UnknownOutcomeDecision =
  | { readonly kind: 'wait'; readonly waitMs: number }
  | { readonly kind: 'send_again' }
  | { readonly kind: 'bury' };

interface UnknownOutcomeLimits {
  readonly ambiguousWaitLowMs: number;
  readonly providerCount: number;
}

/** Critical goes elsewhere while the next provider still has time before the deadline. */
const CRITICAL_RESERVE_MS = 5_000;
/** However late the e-mail is, evidence by webhook or look-up is awaited this long after the call's end. */
const GRACE_MS = 1_000;
const LOOK_UP_EVERY_MS = { min: 1_000, max: 5 * 60_000 };
/**
 * The share of an attempt's age that passes until the next look. Each look adds eight events to the workflow's history,
 * evidence that comes by webhook wakes it anyway, and the last look is when the decision is due.
 */
const AGE_SHARE = 1 / 2;
const LOOK_UP_TIME_MS = { critical: { min: 1_000, max: 3_000 }, others: 3_000 };

/** An open attempt, as far as the policy looks at it; times as of one moment. */
type Doubtful = Pick<OpenAttempt, 'provider' | 'ageMs' | 'openMs' | 'toDeadlineMs' | 'abandoned'>;

/**
 * The policy for attempts of unknown outcome, by priority. Neither provider can prove that it has not taken a message, so each
 * repeat is a possible duplicate:
 * - critical waits until five seconds before its deadline, then goes to the next provider, each once;
 * - medium is sent again once, at its deadline;
 * - low is sent again once, after 45 minutes (by default) without evidence;
 * - where there is nothing to ask, as at SMTP, medium and low are never repeated by themselves.
 * What may not be repeated any more is buried.
 */
export function decideUnknownOutcome(
  priority: Priority,
  open: Doubtful,
  limits: UnknownOutcomeLimits,
): UnknownOutcomeDecision {
  const untilMs = untilDecision(priority, open, limits);
  if (untilMs > 0) {
    const pace = Math.min(Math.max(open.ageMs * AGE_SHARE, LOOK_UP_EVERY_MS.min), LOOK_UP_EVERY_MS.max);
    return { kind: 'wait', waitMs: Math.ceil(Math.min(pace, untilMs)) };
  }
  return { kind: mayRepeat(priority, open, limits) ? 'send_again' : 'bury' };
}

/**
 * How long the provider may be asked now. A slow one is slow to ask, too: a critical e-mail must not spend the time of
 * the next provider on it.
 */
export function lookUpTimeMs(priority: Priority, open: Doubtful, limits: UnknownOutcomeLimits): number {
  if (priority !== 'critical') return LOOK_UP_TIME_MS.others;
  const { min, max } = LOOK_UP_TIME_MS.critical;
  return Math.ceil(Math.min(Math.max(untilDecision(priority, open, limits), min), max));
}

/** The same attempt later: asking the provider has taken its time. */
export function later<T extends Doubtful>(open: T, passedMs: number): T {
  return {
    ...open,
    ageMs: open.ageMs + passedMs,
    openMs: open.openMs - passedMs,
    toDeadlineMs: open.toDeadlineMs - passedMs,
  };
}

/** How long the policy still waits for evidence, in milliseconds; zero or less when it does not. */
export function untilDecision(priority: Priority, open: Doubtful, limits: UnknownOutcomeLimits): number {
  const sinceCallMs = -open.openMs;
  return Math.max(untilRepeat(priority, open, limits), GRACE_MS - sinceCallMs);
}

function untilRepeat(
  priority: Priority,
  open: Pick<OpenAttempt, 'ageMs' | 'toDeadlineMs'>,
  limits: UnknownOutcomeLimits,
): number {
  if (priority === 'critical') return open.toDeadlineMs - CRITICAL_RESERVE_MS;
  if (priority === 'medium') return open.toDeadlineMs;
  return limits.ambiguousWaitLowMs - open.ageMs;
}

function mayRepeat(
  priority: Priority,
  open: Pick<OpenAttempt, 'provider' | 'abandoned'>,
  limits: UnknownOutcomeLimits,
): boolean {
  if (priority === 'critical') return open.abandoned < limits.providerCount;
  return canBeAsked(open.provider) && open.abandoned < 1;
}

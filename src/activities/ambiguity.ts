import type { OpenAttempt } from '../db/ambiguous.js';
import type { Priority } from '../priority.js';

/** What to do about an attempt for which there is no evidence. */
export type AmbiguityDecision =
  | { readonly kind: 'wait'; readonly waitMs: number }
  | { readonly kind: 'send_again' }
  | { readonly kind: 'bury' };

export interface AmbiguityLimits {
  readonly ambiguousWaitLowMs: number;
  readonly providerCount: number;
}

/** Critical goes elsewhere while the next provider still has time before the deadline. */
const CRITICAL_RESERVE_MS = 5_000;
/** However late it is, a webhook or a look-up gets this long after the call's end. */
const GRACE_MS = 1_000;
const LOOK_UP_EVERY_MS = { min: 1_000, max: 60_000 };

/**
 * The policy for ambiguous attempts, by priority. Neither provider can prove that it has not taken a message, so each
 * repeat is a possible duplicate:
 * - critical waits until five seconds before its deadline, then goes to the next provider, each once;
 * - medium is sent again once, at its deadline;
 * - low is sent again once, after 45 minutes (by default) without evidence;
 * - SMTP has nothing to ask: medium and low are never repeated by themselves.
 * What may not be repeated any more is buried.
 */
export function decideAmbiguity(
  priority: Priority,
  open: Pick<OpenAttempt, 'provider' | 'ageMs' | 'openMs' | 'toDeadlineMs' | 'abandoned'>,
  limits: AmbiguityLimits,
): AmbiguityDecision {
  const sinceCallMs = -open.openMs;
  const untilMs = Math.max(untilRepeat(priority, open, limits), GRACE_MS - sinceCallMs);
  if (untilMs > 0) {
    const pace = Math.min(Math.max(open.ageMs / 4, LOOK_UP_EVERY_MS.min), LOOK_UP_EVERY_MS.max);
    return { kind: 'wait', waitMs: Math.ceil(Math.min(pace, untilMs)) };
  }
  return { kind: mayRepeat(priority, open, limits) ? 'send_again' : 'bury' };
}

function untilRepeat(
  priority: Priority,
  open: Pick<OpenAttempt, 'ageMs' | 'toDeadlineMs'>,
  limits: AmbiguityLimits,
): number {
  if (priority === 'critical') return open.toDeadlineMs - CRITICAL_RESERVE_MS;
  if (priority === 'medium') return open.toDeadlineMs;
  return limits.ambiguousWaitLowMs - open.ageMs;
}

function mayRepeat(
  priority: Priority,
  open: Pick<OpenAttempt, 'provider' | 'abandoned'>,
  limits: AmbiguityLimits,
): boolean {
  if (priority === 'critical') return open.abandoned < limits.providerCount;
  return open.provider !== 'smtp' && open.abandoned < 1;
}

import type { Obstacle, ObstacleCode } from '../provider-health/obstacles.js';

/** Why an e-mail that no provider has is not being sent at this moment. */
type WaitingCode =
  | 'scheduled'
  | 'held'
  | 'paused'
  | 'paused_in_temporal'
  | 'no_dispatcher'
  | 'no_worker'
  | 'no_worker_of_build'
  | 'temporal_unreachable'
  | 'in_flight_limit'
  | 'starting_window'
  | 'in_turn'
  | 'backing_off'
  | 'unknown_outcome'
  | 'awaiting_provider'
  | ObstacleCode;

/** The answer to "why is it waiting, and when is it tried next". */
export interface Waiting {
  readonly code: WaitingCode;
  /** For people; names no address, and quotes nobody. */
  readonly reason: string;
  /** Null: nobody can tell, it goes on when the reason is over. */
  readonly next_try_at: Date | null;
}

const SENTENCES: Readonly<Record<Exclude<WaitingCode, ObstacleCode | 'no_worker_of_build'>, string>> = {
  held: 'An operator holds such mail; it goes on when the hold is released.',
  scheduled: 'Its scheduled time has not come.',
  paused: 'Sending of its priority is paused by an operator.',
  paused_in_temporal: 'Sending of its priority is paused in Temporal.',
  no_dispatcher: 'No dispatcher runs that could start it.',
  no_worker: 'No worker of its priority runs that could send it.',
  temporal_unreachable: 'Temporal does not answer; it is started when Temporal is back.',
  in_flight_limit: 'As many e-mails of its priority are at work as may be at once; it takes its turn.',
  starting_window: 'Bulk e-mails are started only as fast as the workers take them; it takes its turn.',
  in_turn: 'It takes its turn; nothing else holds it up.',
  backing_off: 'No provider took it at the last try; it waits for the next one.',
  unknown_outcome: 'A provider may have taken it and has not said so; it is asked before anything is sent again.',
  awaiting_provider: 'No provider took it when it had its turn; it is woken as soon as one takes it.',
};

const OBSTACLES: Readonly<Record<ObstacleCode, string>> = {
  provider_disabled: 'is switched off',
  breaker_forced_open: 'is held closed off by an operator',
  sender_domain_blocked: 'does not take mail of this sender’s domain for now',
  breaker_open: 'has trouble and is being probed',
  quota_used_up: 'has used up its quota of today',
  rate_limited: 'is at the limit of its rate',
};

/** A reason that concerns no provider. */
export const because = (code: keyof typeof SENTENCES, nextTryAt: Date | null = null): Waiting => ({
  code,
  reason: SENTENCES[code],
  next_try_at: nextTryAt,
});

/** Workers run, and none of them may continue it. @param build null: it has begun on none. */
export const becauseOfBuild = ({
  build,
  begins,
}: {
  readonly build: string | null;
  readonly begins: boolean;
}): Waiting => {
  const which = build === null ? 'workers without a build' : `build ${build}`;
  const reason = begins
    ? `E-mails begin on ${which} now, and no such worker of its priority runs.`
    : `Its workflow stays with ${which}, and no such worker of its priority runs.`;
  return { code: 'no_worker_of_build', reason, next_try_at: null };
};

/**
 * The reason when providers keep it from being sent: the code they have in common, or `awaiting_provider` for several.
 *
 * @param obstacles of every provider that it may go to.
 * @returns undefined when one of them takes it.
 */
export function becauseOf(obstacles: readonly Obstacle[]): Waiting | undefined {
  const standing = obstacles.flatMap(({ provider, code, until }) => (code ? [{ provider, code, until }] : []));
  const [first] = standing;
  if (!first || standing.length < obstacles.length) return undefined;
  const ends = standing.flatMap(({ until }) => (until ? [until.getTime()] : []));
  const isCommon = standing.every(({ code }) => code === first.code);
  const each = standing.map(({ provider, code }) => `${provider} ${OBSTACLES[code]}`).join(', ');
  return {
    code: isCommon ? first.code : 'awaiting_provider',
    reason: `No provider takes it now: ${each}.`,
    next_try_at: ends.length > 0 ? new Date(Math.min(...ends)) : null,
  };
}

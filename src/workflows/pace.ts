import type { Plan } from '../activities/types.js';
import type { Priority } from '../priority.js';

/** What a round over the providers came to. */
export interface SendRound {
  /** A provider was called and did not take it. */
  readonly refused: boolean;
  /** Milliseconds until a provider can be asked again, by its own word or our limits; 0 if one does not say. */
  readonly readyInMs: number;
}

/** A wait for an available provider never grows beyond this: critical is to leave soon after a provider is back. */
const AVAILABILITY_WAIT_MAX_MS: Readonly<Record<Priority, number>> = { critical: 5_000, medium: 30_000, low: 60_000 };

/**
 * How long to wait between rounds. Refusals back off exponentially; waiting for an available provider is no refusal, and grows
 * only so far. Half of each wait is random, so that mail held up together does not return together.
 */
export class Pace {
  private refusals = 0;
  private idle = 0;

  constructor(
    private readonly priority: Priority,
    private readonly backoff: Plan['backoff'],
  ) {}

  /** Milliseconds until the next round. */
  next(round: SendRound): number {
    if (round.refused) {
      this.idle = 0;
      const step = Math.min(this.backoff.initialMs * 2 ** this.refusals++, this.backoff.maxMs);
      return Math.max(jittered(step), round.readyInMs);
    }
    const step = round.readyInMs * 1.5 ** this.idle++;
    return jittered(Math.min(step, AVAILABILITY_WAIT_MAX_MS[this.priority]));
  }
}

const jittered = (ms: number) => ms / 2 + (ms / 2) * Math.random();

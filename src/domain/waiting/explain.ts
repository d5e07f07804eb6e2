import { domainOf } from '../../address.js';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import type { PerPriority, Priority } from '../../priority.js';
import { readAvailability } from '../provider-health/availability.js';
import { findObstacles } from '../provider-health/obstacles.js';
import { countAtWork, freeByLimit, freeByRate } from '../queue/in-flight-limit.js';
import { type QueuedFacts, readQueuedFacts } from './facts.js';
import { because, becauseOf, becauseOfBuild, type Waiting } from './reasons.js';

/** What the record does not hold: who is alive, and what a workflow waits for. */
export interface SignsOfLife {
  /** Whether a dispatcher runs. */
  hasDispatcher(): Promise<boolean>;
  /** Whether a fleet polls its queues; `unreachable`: Temporal did not say in time. */
  workersOf(priority: Priority): Promise<'some' | 'none' | 'unreachable'>;
  /** The build that it has to go on with, or begin on, and that has no worker; null: there is none such. */
  missedBuildOf(emailId: string, priority: Priority): Promise<MissedBuild | null>;
  /** When the e-mail's workflow looks again by itself; null when it does not say. */
  nextTryOf(emailId: string): Promise<Date | null>;
}

/** A build that an e-mail cannot do without. */
export interface MissedBuild {
  /** Null: the workers without one. */
  readonly build: string | null;
  /** It has begun on no build yet. */
  readonly begins: boolean;
}

interface WaitingSettings {
  /** Those we send through. */
  readonly providers: readonly ProviderName[];
  readonly inFlightLimit: PerPriority<number>;
}

/**
 * Says why an e-mail is not being sent at this moment, and when it is tried next. What cannot be the reason is not asked
 * for: of an e-mail that a provider has, only the record.
 *
 * @returns null when a provider has it, it is over, or it is just being sent.
 */
export async function explainWaiting(
  db: Db,
  emailId: string,
  settings: WaitingSettings,
  signs: SignsOfLife,
): Promise<Waiting | null> {
  const facts = await readQueuedFacts(db, emailId);
  if (!facts || facts.state === 'handed_over' || facts.open === 'calling') return null;
  if (facts.state === 'waiting' && !facts.isDue) return because('scheduled', facts.dueAt);
  if (facts.held && facts.open === null) return because('held');
  if (facts.paused) return because('paused');
  if (facts.pausedInTemporal) return because('paused_in_temporal');
  // Held until a moment ago: it is put back.
  if (facts.state === 'waiting' || facts.state === 'held') return explainWaitingPlace(db, facts, settings, signs);
  return explainStarted(db, emailId, facts, settings, signs);
}

/** It is due, and the dispatcher has not started it. */
async function explainWaitingPlace(
  db: Db,
  facts: QueuedFacts,
  settings: WaitingSettings,
  signs: SignsOfLife,
): Promise<Waiting> {
  const { priority } = facts;
  if (!(await signs.hasDispatcher())) return because('no_dispatcher');
  // The dispatcher asks for all providers together, whichever this e-mail may go to.
  const availability = await readAvailability(db, settings.providers, priority);
  if (availability.gate !== 'open') {
    const reason = becauseOf(await findObstacles(db, settings.providers, priority, ''));
    if (reason) return reason;
  }
  const atWork = await countAtWork(db, priority);
  if (freeByLimit(atWork, settings.inFlightLimit[priority]) <= 0) return because('in_flight_limit');
  if (freeByRate(atWork, availability.ratePerS) <= 0) {
    const limited = availability.providers.map(
      (provider) => ({ provider, code: 'rate_limited', until: null }) as const,
    );
    return becauseOf(await obstaclesOf(db, facts, settings)) ?? becauseOf(limited) ?? because('in_turn');
  }
  if ((await signs.workersOf(priority)) === 'unreachable') return because('temporal_unreachable');
  const held = atWork.own > 0 || atWork.critical;
  return because(priority !== 'critical' && held ? 'starting_window' : 'in_turn');
}

/** Its workflow has been started. */
async function explainStarted(
  db: Db,
  emailId: string,
  facts: QueuedFacts,
  settings: WaitingSettings,
  signs: SignsOfLife,
): Promise<Waiting | null> {
  const workers = await signs.workersOf(facts.priority);
  if (workers === 'none') return because('no_worker');
  if (workers === 'unreachable') return because('temporal_unreachable');
  const missed = await signs.missedBuildOf(emailId, facts.priority);
  if (missed) return becauseOfBuild(missed);
  if (facts.open === 'unknown') return because('unknown_outcome', await signs.nextTryOf(emailId));
  if (facts.state === 'backing_off') return because('backing_off', await signs.nextTryOf(emailId));
  const obstacles = await obstaclesOf(db, facts, settings);
  if (facts.state === 'awaiting_provider') return becauseOf(obstacles) ?? because('awaiting_provider', facts.readyAt);
  // In flight: between the providers of a round it is at work.
  return becauseOf(obstacles) ?? (facts.attempts === 0 ? because('in_turn') : null);
}

function obstaclesOf(db: Db, { priority, sender, onlyProvider, providers }: QueuedFacts, settings: WaitingSettings) {
  const own = providers ?? (onlyProvider ? [onlyProvider] : settings.providers);
  return findObstacles(db, own, priority, domainOf(sender));
}

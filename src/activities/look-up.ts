import type { Logger } from 'pino';
import { type SoughtAttempt, takeLookUpTurn } from '../domain/attempts/look-ups.js';
import type { Outcome } from '../domain/attempts/transitions.js';
import { adoptLookUp } from '../domain/attempts/unknown-outcomes.js';
import { logStep } from '../process/life-log.js';
import type { LookUpResult } from '../providers/provider.js';
import type { Provider } from '../providers/registry.js';
import type { ActivityDependencies } from './dependencies.js';
import { messageIdOf } from './message.js';

const TIMEOUT_MS = 3_000;

type LookUpDependencies = Pick<ActivityDependencies, 'db' | 'catalogue' | 'providers' | 'logger'> & {
  readonly config: Pick<ActivityDependencies['config'], 'messageIdDomain'>;
};

interface LookUpOptions {
  /** How long the provider may be asked. */
  readonly timeoutMs?: number;
  /**
   * When the attempt is given up without evidence: the first to be decided are the first to be searched for. Left out
   * when there is nothing to decide; then no search is spent on it.
   */
  readonly decideInMs?: number;
}

/**
 * Asks an attempt's provider whether it has the message. If the provider cannot be asked, nothing is known. Where searches
 * are limited, only the one who has the turn searches, for all who wait; what it finds of others is adopted. Without the
 * turn nothing is known.
 */
export async function lookUp(
  dependencies: LookUpDependencies,
  attempt: SoughtAttempt,
  { timeoutMs = TIMEOUT_MS, decideInMs }: LookUpOptions = {},
): Promise<LookUpResult> {
  const provider = dependencies.providers.get(attempt.provider);
  if (!provider?.lookUp) return { kind: 'unsupported' };
  const { lookUpWindow } = provider;
  if (!lookUpWindow || attempt.providerMessageId !== null) {
    const [result] = await ask(dependencies, provider, [attempt], timeoutMs);
    return result ?? { kind: 'none' };
  }
  if (decideInMs === undefined) return { kind: 'none' };
  const sought = await takeLookUpTurn(dependencies.db, attempt, decideInMs, lookUpWindow);
  if (sought.length === 0) return { kind: 'none' };
  const results = await ask(dependencies, provider, sought, timeoutMs);
  await adoptFound(dependencies, sought, results);
  return results[0] ?? { kind: 'none' };
}

/**
 * Writes down what a search found. The asker's own attempt comes first: its next turn may be far off, and a lost result
 * could lead to a second send. Trouble with another's attempt does not fail the asker: the other one asks again.
 */
async function adoptFound(
  { db, catalogue, logger }: LookUpDependencies,
  sought: readonly SoughtAttempt[],
  results: readonly LookUpResult[],
): Promise<void> {
  const tellTrouble = ({ emailId }: SoughtAttempt) => logger.warn({ emailId }, 'what was found could not be adopted');
  for (const [index, result] of results.entries()) {
    if (result.kind !== 'found') continue;
    const attempt = sought[index]!;
    const adopting = adoptLookUp(db, attempt, result.providerMessageId, catalogue, { notify: index > 0 });
    if (index === 0) await adopting;
    else await adopting.then((outcome) => tellAdopted(logger, attempt, outcome)).catch(() => tellTrouble(attempt));
  }
}

/** Another e-mail's activity finds it in the record afterwards, and has nothing to tell. */
function tellAdopted(
  logger: Pick<Logger, 'info'>,
  { emailId, generation, attempt, provider }: SoughtAttempt,
  outcome: Outcome,
): void {
  logStep(logger, 'outcome', { emailId, generation, attempt, provider, ...outcome, found_by: 'look_up' });
}

async function ask(
  { config, logger }: LookUpDependencies,
  provider: Provider,
  sought: readonly SoughtAttempt[],
  timeoutMs: number,
): Promise<readonly LookUpResult[]> {
  const queries = sought.map((attempt) => ({
    ...attempt,
    messageId: messageIdOf(attempt.emailId, attempt.generation, config.messageIdDomain),
  }));
  try {
    return (await provider.lookUp?.(queries, AbortSignal.timeout(timeoutMs))) ?? [];
  } catch {
    const emailId = sought[0]?.emailId;
    logger.warn({ emailId, provider: provider.name, sought: sought.length }, 'the provider could not be asked');
    return [];
  }
}

import { adoptLookUp } from '../db/ambiguous.js';
import { type SoughtAttempt, takeLookUpTurn } from '../db/look-ups.js';
import type { LookUpResult, Provider } from '../providers/provider.js';
import type { ActivityDependencies } from './dependencies.js';
import { messageIdOf } from './message.js';

const TIMEOUT_MS = 3_000;

type LookUpDependencies = Pick<ActivityDependencies, 'db' | 'catalogue' | 'providers' | 'logger'> & {
  readonly config: Pick<ActivityDependencies['config'], 'messageIdDomain'>;
};

export interface LookUpOptions {
  /** How long the provider may be asked. */
  readonly timeoutMs?: number;
  /** When the attempt is given up without evidence: the first to be decided are the first to be searched for. */
  readonly decideInMs?: number;
}

/**
 * Asks an attempt's provider whether it has the message; a provider that cannot be asked has told nothing. Where
 * searches are limited, only who has the turn searches, for all who wait, and what it finds of others is adopted;
 * without a turn nothing is known.
 */
export async function lookUp(
  dependencies: LookUpDependencies,
  attempt: SoughtAttempt,
  { timeoutMs = TIMEOUT_MS, decideInMs = 0 }: LookUpOptions = {},
): Promise<LookUpResult> {
  const { db, catalogue } = dependencies;
  const provider = dependencies.providers.get(attempt.provider);
  if (!provider) return { kind: 'unsupported' };
  const { lookUpWindow } = provider;
  const searched = lookUpWindow !== undefined && attempt.providerMessageId === null;
  const sought = searched ? await takeLookUpTurn(db, attempt, decideInMs, lookUpWindow) : [attempt];
  if (sought.length === 0) return { kind: 'none' };
  const results = await ask(dependencies, provider, sought, timeoutMs);
  for (const [index, result] of results.entries()) {
    // The first is the asker's own, and the asker goes on with it.
    if (index === 0 || result.kind !== 'found') continue;
    await adoptLookUp(db, sought[index]!, result.providerMessageId, catalogue, { tell: true });
  }
  return results[0] ?? { kind: 'none' };
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
    return await provider.lookUp(queries, AbortSignal.timeout(timeoutMs));
  } catch {
    const emailId = sought[0]?.emailId;
    logger.warn({ emailId, provider: provider.name, sought: sought.length }, 'the provider could not be asked');
    return [];
  }
}

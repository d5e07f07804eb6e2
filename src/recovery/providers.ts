import { setTimeout as delay } from 'node:timers/promises';
import { messageIdOf } from '../activities/message.js';
import { takeTurn } from '../domain/attempts/look-ups.js';
import type { Candidate } from '../domain/recovery/candidates.js';
import type { SentEvidence } from '../domain/recovery/verdict.js';
import type { Db } from '../postgres/database.js';
import type { LookUpQuery } from '../providers/provider.js';
import type { Provider } from '../providers/registry.js';

/** A provider that is slow to search is waited for: nobody else is waiting. */
const TIMEOUT_MS = 30_000;
const TRIES = 5;
const PAUSE_MS = 2_000;
/** So many questions at once, where the provider does not say how many. */
const AT_ONCE = 20;
/** An e-mail may have been retried since the point of the restore: then it was sent under the next generation. */
const GENERATIONS = [0, 1];

interface AskDependencies {
  readonly db: Db;
  readonly messageIdDomain: string;
  /** Between which times they may have been sent. */
  readonly since: Date;
  readonly until: Date;
}

/**
 * Asks a provider which of these e-mails it has, under any attempt, within its limits.
 *
 * @returns the evidence by e-mail id. @throws when it cannot be asked after several tries: then nothing is known.
 */
export async function askProvider(
  { db, messageIdDomain, since, until }: AskDependencies,
  provider: Provider,
  emails: readonly Pick<Candidate, 'emailId' | 'generation' | 'receiver'>[],
): Promise<Map<string, SentEvidence[]>> {
  const found = new Map<string, SentEvidence[]>();
  if (!provider.lookUp) return found;
  const queries = emails.flatMap(({ emailId, generation, receiver }) =>
    GENERATIONS.map((more): LookUpQuery => {
      const messageId = messageIdOf(emailId, generation + more, messageIdDomain);
      const at = { startedAt: since, startedBy: until };
      return {
        ...{ emailId, receiver, messageId, providerMessageId: null, attempt: null },
        ...at,
        generation: generation + more,
      };
    }),
  );
  const size = provider.lookUpWindow?.size ?? AT_ONCE;
  for (let from = 0; from < queries.length; from += size) {
    const batch = queries.slice(from, from + size);
    const results = await persistently(db, provider, (signal) => provider.lookUp!(batch, signal));
    for (const [index, result] of results.entries()) {
      if (result.kind !== 'found') continue;
      const { emailId, generation } = batch[index]!;
      const { attempt = null, at = null, providerMessageId } = result;
      const evidence = { by: 'provider' as const, provider: provider.name, generation, attempt, providerMessageId, at };
      found.set(emailId, [...(found.get(emailId) ?? []), evidence]);
    }
  }
  return found;
}

/** A provider did not answer; the code says why. */
export class NotAskedError extends Error {
  override readonly name = 'NotAskedError';
  constructor(
    provider: Provider,
    readonly code: string,
  ) {
    super(`${provider.name} could not be asked: ${code}`);
  }
}

/**
 * Asks a provider once, when its turn has come, and again where it does not answer.
 *
 * @throws NotAskedError when it cannot be asked after several tries; otherwise what the record says to it.
 */
export async function persistently<T>(
  db: Db,
  provider: Provider,
  ask: (signal: AbortSignal) => Promise<T>,
  pauseMs: number = PAUSE_MS,
): Promise<T> {
  for (let left = TRIES; ; left--) {
    if (provider.lookUpWindow) await turnOf(db, provider);
    try {
      return await ask(AbortSignal.timeout(TIMEOUT_MS));
    } catch (error) {
      if (left <= 1) throw new NotAskedError(provider, (error as Error).message);
      await delay(pauseMs);
    }
  }
}

/** Searches of all processes share the provider's limit. */
async function turnOf(db: Db, { name, lookUpWindow }: Provider): Promise<void> {
  const { everyMs } = lookUpWindow!;
  while (!(await takeTurn(db, name, everyMs))) await delay(everyMs / 4);
}

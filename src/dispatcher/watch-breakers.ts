import type { Logger } from 'pino';
import type { Db } from '../postgres/database.js';

const SENTENCES = { open: 'breaker opened', half_open: 'breaker half open', closed: 'breaker closed' } as const;

/**
 * Says when a provider's breaker opens, lets traffic through again, or closes, whoever was the cause: a worker's call, a
 * probe or an operator. Each dispatcher says it once; after a start, only of breakers that are not closed.
 *
 * @returns a look at the breakers, to be repeated.
 */
export function createBreakerWatch(db: Db, logger: Logger): () => Promise<void> {
  const seen = new Map<string, string>();
  return async () => {
    const rows = await db
      .selectFrom('provider_health')
      .select(['provider', 'state', 'last_code as code', 'failures', 'misconfigured', 'opened_at'])
      .execute();
    for (const { provider, state, opened_at, ...why } of rows) {
      // An opening that follows another is told, although the state is the same at both looks.
      const now = state === 'open' ? `open since ${opened_at?.toISOString()}` : state;
      if ((seen.get(provider) ?? 'closed') !== now) {
        if (state === 'open') logger.warn({ provider, ...why }, SENTENCES[state]);
        else logger.info({ provider }, SENTENCES[state]);
      }
      seen.set(provider, now);
    }
  };
}

import { PROVIDER_NAMES } from '../../config.js';
import type { Db } from '../../postgres/database.js';

/**
 * Makes sure that every provider of this release has its rows: its switches, and its breaker. The first migrations made
 * those of three providers; one that is new gets its own here, so that it needs no migration.
 */
export async function ensureProviders(db: Db): Promise<void> {
  const rows = PROVIDER_NAMES.map((provider) => ({ provider }));
  for (const table of ['provider_controls', 'provider_health'] as const) {
    await db
      .insertInto(table)
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

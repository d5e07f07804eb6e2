import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';

/**
 * Compares the id of Temporal's namespace with the one seen before. A namespace that was made anew has another id: all
 * workflows are gone, and every e-mail on its way is due for the sweep at once rather than when it is overdue.
 *
 * @returns whether the data behind the namespace were lost since the last look, by whichever process.
 */
export async function noticeLostNamespace(db: Db, namespace: string, namespaceId: string): Promise<boolean> {
  return transact(db, async (trx) => {
    const row = await trx
      .insertInto('temporal_namespaces')
      .values({ namespace, namespace_id: namespaceId })
      .onConflict((conflict) =>
        conflict.column('namespace').doUpdateSet({ namespace_id: namespaceId, seen_at: sql<Date>`now()` }),
      )
      .returning(sql<string | null>`old.namespace_id`.as('before'))
      .executeTakeFirst();
    const lost = row !== undefined && row.before !== null && row.before !== namespaceId;
    if (lost)
      await sql`update email_queue set check_at = now() where state <> 'waiting' and dispatched_at is not null`.execute(
        trx,
      );
    return lost;
  });
}

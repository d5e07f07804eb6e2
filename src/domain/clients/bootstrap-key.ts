import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';
import { hashKey, prefixOf } from './key-text.js';

/**
 * Makes the configured key an administrator's key of the client of this name, and ends the one that was configured
 * before. Other keys of the client stay. Several processes may do so at once: the last one that starts decides. If the
 * key belongs to another client, or was revoked by hand, nothing changes.
 *
 * @returns false when the key does not open anything as an administrator's.
 */
export async function ensureBootstrapKey(db: Db, name: string, key: string): Promise<boolean> {
  return transact(db, async (trx) => {
    // Locks the client, so that processes that start at the same moment come one after the other.
    const client = await trx
      .insertInto('clients')
      .values({ name, disabled_at: null })
      // An update that changes nothing: `do nothing` would return no row.
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ name }))
      .returning('id')
      .executeTakeFirstOrThrow();
    const own = { revoked_at: null, operator: true, role: 'admin', bootstrap: true, name: 'bootstrap' } as const;
    const current = await trx
      .insertInto('api_keys')
      .values({ client_id: client.id, key_hash: hashKey(key), prefix: prefixOf(key), scopes: [], ...own })
      .onConflict((conflict) =>
        conflict
          .column('key_hash')
          .doUpdateSet(own)
          .where('api_keys.client_id', '=', client.id)
          .where((eb) => eb.or([eb('api_keys.revoked_at', 'is', null), eb('api_keys.bootstrap', '=', true)])),
      )
      .returning('id')
      .executeTakeFirst();
    if (!current) return false;
    await trx
      .updateTable('api_keys')
      .set({ revoked_at: sql<Date>`now()` })
      .where('client_id', '=', client.id)
      .where('bootstrap', '=', true)
      .where('id', '!=', current.id)
      .where('revoked_at', 'is', null)
      .execute();
    return true;
  });
}

import { createHash } from 'node:crypto';
import type { Db } from './database.js';
import { transact } from './transaction.js';

/** Who a request comes from. */
export interface Client {
  readonly id: string;
  readonly disabled: boolean;
  /** Whether this key may administer the whole system. */
  readonly operator: boolean;
}

/** Shown in lists; too short to help anyone guess the rest. */
const PREFIX_LENGTH = 8;

/** SHA-256: a key is 32 random bytes, so a slow hash would protect nothing more. */
const hashKey = (key: string) => createHash('sha256').update(key).digest();

/** The client a key belongs to. @returns undefined when the key is unknown or revoked. */
export async function findClientByKey(db: Db, key: string): Promise<Client | undefined> {
  const row = await db
    .selectFrom('api_keys')
    .innerJoin('clients', 'clients.id', 'api_keys.client_id')
    .select(['clients.id', 'clients.disabled_at', 'api_keys.operator'])
    .where('api_keys.key_hash', '=', hashKey(key))
    .where('api_keys.revoked_at', 'is', null)
    .executeTakeFirst();
  return row && { id: row.id, disabled: row.disabled_at !== null, operator: row.operator };
}

/**
 * Makes sure that a client of this name exists and owns this key, an operator's; several processes may do so at once.
 * A key that already belongs to someone stays theirs, and a revoked one stays revoked.
 *
 * @returns the client's id.
 */
export async function ensureClientKey(db: Db, name: string, key: string): Promise<string> {
  return transact(db, async (trx) => {
    const client = await trx
      .insertInto('clients')
      .values({ name, disabled_at: null })
      // An update that changes nothing: `do nothing` would return no row.
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ name }))
      .returning('id')
      .executeTakeFirstOrThrow();
    await trx
      .insertInto('api_keys')
      .values({
        client_id: client.id,
        key_hash: hashKey(key),
        prefix: key.slice(0, PREFIX_LENGTH),
        revoked_at: null,
        operator: true,
      })
      .onConflict((conflict) =>
        conflict.column('key_hash').doUpdateSet({ operator: true }).where('api_keys.client_id', '=', client.id),
      )
      .execute();
    return client.id;
  });
}

import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';

/** Who a request comes from. */
export interface Client {
  readonly id: string;
  readonly keyId: string;
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
    .select(['clients.id', 'clients.disabled_at', 'api_keys.id as key_id', 'api_keys.operator'])
    .where('api_keys.key_hash', '=', hashKey(key))
    .where('api_keys.revoked_at', 'is', null)
    .executeTakeFirst();
  return row && { id: row.id, keyId: row.key_id, disabled: row.disabled_at !== null, operator: row.operator };
}

/**
 * Makes the configured key an operator's key of the client of this name, and ends the one that was configured before;
 * other keys of the client stay. Several processes may do so at once: the last one that starts decides. A key that
 * belongs to another client stays theirs, and one that was revoked by hand stays revoked; then nothing else changes.
 *
 * @returns false when the key does not open anything as an operator's.
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
    const own = { revoked_at: null, operator: true, bootstrap: true };
    const current = await trx
      .insertInto('api_keys')
      .values({ client_id: client.id, key_hash: hashKey(key), prefix: key.slice(0, PREFIX_LENGTH), ...own })
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

/** Whether a key opens: `revoked` is also one that is not known. */
export type KeyState = 'valid' | 'revoked' | 'disabled';

/** How a key stands now, for a `select` of any statement; null means `revoked`. */
export const keyStateOf = (keyId: string) => sql<KeyState | null>`(
  select case when c.disabled_at is null then 'valid' else 'disabled' end
  from api_keys k join clients c on c.id = k.client_id where k.id = ${keyId} and k.revoked_at is null)`;

/** How a key that was valid a while ago stands now. */
export async function readKeyState(db: Db, keyId: string): Promise<KeyState> {
  const row = await db.selectNoFrom(keyStateOf(keyId).as('state')).executeTakeFirst();
  return row?.state ?? 'revoked';
}

/** A key as lists show it: never the key itself, which nobody knows but its owner. */
export interface ApiKey {
  readonly id: string;
  /** Its first characters. */
  readonly prefix: string;
  readonly operator: boolean;
  readonly created_at: Date;
  readonly revoked_at: Date | null;
}

const COLUMNS = ['id', 'prefix', 'operator', 'created_at', 'revoked_at'] as const;

/** A client's keys, the newest first, revoked ones among them. */
export async function listKeys(db: Db, clientId: string): Promise<ApiKey[]> {
  return db
    .selectFrom('api_keys')
    .select(COLUMNS)
    .where('client_id', '=', clientId)
    .orderBy('created_at', 'desc')
    .execute();
}

/**
 * Makes a new key for a client.
 *
 * @returns what lists show of it and, this once, the key: 32 random bytes in base64url behind `tp_`. Undefined when there
 * is no such client.
 */
export async function createKey(
  db: Db,
  clientId: string,
  operator: boolean,
): Promise<(ApiKey & { readonly key: string }) | undefined> {
  const key = `tp_${randomBytes(32).toString('base64url')}`;
  const created = await db
    .insertInto('api_keys')
    .columns(['client_id', 'key_hash', 'prefix', 'operator'])
    .expression((eb) =>
      eb
        .selectFrom('clients')
        .select(['id', eb.val(hashKey(key)).as('key_hash'), eb.val(key.slice(0, PREFIX_LENGTH)).as('prefix')])
        .select(eb.val(operator).as('operator'))
        .where('id', '=', clientId),
    )
    .returning(COLUMNS)
    .executeTakeFirst();
  return created && { ...created, key };
}

/** Revokes a key from this moment on, for good; doing it twice is doing it once. @returns false for no such key. */
export async function revokeKey(db: Db, clientId: string, keyId: string): Promise<boolean> {
  const revoked = await db
    .updateTable('api_keys')
    // By hand, so it is not back when the configuration names it again.
    .set({ revoked_at: sql<Date>`coalesce(revoked_at, now())`, bootstrap: false })
    .where('id', '=', keyId)
    .where('client_id', '=', clientId)
    .returning('id')
    .executeTakeFirst();
  return revoked !== undefined;
}

import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { Holder, Role, Scope } from './access.js';
import { hashKey } from './key-text.js';
import { RATE_COLUMNS, type RateColumns, type Rates, ratesOf } from './rates.js';

/** Who a request comes from. */
export interface Client extends Holder {
  readonly id: string;
  readonly name: string;
  readonly keyId: string;
  /** Null: it has none. */
  readonly keyName: string | null;
  readonly disabled: boolean;
  /** Whether it is an operator's key, of whatever role: it concerns every client's e-mails. */
  readonly operator: boolean;
  /** Addresses and CIDR blocks the key is taken from; none: from everywhere. */
  readonly allowedAddresses: readonly string[];
  readonly rates: Rates;
  /** Of this key alone, beside its client's. */
  readonly keyRates: Rates;
}

/** The role of a key. A key of the release before has none: if it is an operator's, it is an administrator's. */
export const roleOf = (row: { readonly role: Role | null; readonly operator: boolean }): Role | null =>
  row.role ?? (row.operator ? 'admin' : null);

/** Rows of keys that open, with their clients; `clientOf` reads them. For who looks one up by something of its own. */
export const selectOpenKeys = (db: Db) =>
  db
    .selectFrom('api_keys as k')
    .innerJoin('clients as c', 'c.id', 'k.client_id')
    .select(['c.id', 'c.name', 'c.disabled_at', 'k.id as key_id', 'k.name as key_name', 'k.operator', 'k.role'])
    .select(['k.scopes', 'k.allowed_addresses'])
    .select(RATE_COLUMNS.map((column) => `c.${column}` as const))
    .select(RATE_COLUMNS.map((column) => `k.${column} as key_${column}` as const))
    .where('k.revoked_at', 'is', null)
    .where((eb) => eb.or([eb('k.expires_at', 'is', null), eb('k.expires_at', '>', sql<Date>`now()`)]));

type OpenKeyRow = Awaited<ReturnType<ReturnType<typeof selectOpenKeys>['execute']>>[number];

/** What such a row says. */
export function clientOf(row: OpenKeyRow): Client {
  const role = roleOf(row);
  return {
    id: row.id,
    name: row.name,
    keyId: row.key_id,
    keyName: row.key_name,
    disabled: row.disabled_at !== null,
    operator: role !== null,
    role,
    scopes: role ? [] : (row.scopes as Scope[]),
    allowedAddresses: row.allowed_addresses,
    rates: ratesOf(row),
    keyRates: ratesOf({
      send_rate: row.key_send_rate,
      send_burst: row.key_send_burst,
      read_rate: row.key_read_rate,
      read_burst: row.key_read_burst,
    } satisfies RateColumns),
  };
}

/** The client a key belongs to. @returns undefined when the key is unknown, revoked or expired. */
export async function findClientByKey(db: Db, key: string): Promise<Client | undefined> {
  const row = await selectOpenKeys(db).where('k.key_hash', '=', hashKey(key)).executeTakeFirst();
  return row && clientOf(row);
}

/** Whether a key is taken. `revoked` also means expired, or unknown. */
export type KeyState = 'valid' | 'revoked' | 'disabled';

/** How a key stands now, for a `select` of any statement; null means `revoked`. */
export const keyStateOf = (keyId: string) => sql<KeyState | null>`(
  select case when c.disabled_at is null then 'valid' else 'disabled' end
  from api_keys k join clients c on c.id = k.client_id
  where k.id = ${keyId} and k.revoked_at is null and (k.expires_at is null or k.expires_at > now()))`;

/** How a key that was valid a while ago stands now. */
export async function readKeyState(db: Db, keyId: string): Promise<KeyState> {
  const row = await db.selectNoFrom(keyStateOf(keyId).as('state')).executeTakeFirst();
  return row?.state ?? 'revoked';
}

/** Writes down that keys were used just now; several processes may say so of the same one. */
export async function markUsed(db: Db, keyIds: readonly string[]): Promise<void> {
  await sql`update api_keys set last_used_at = now()
    where id = any(${[...keyIds].sort()}::uuid[]) and (last_used_at is null or last_used_at < now() - interval '50 seconds')
    `.execute(db);
}

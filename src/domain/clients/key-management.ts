import { type Selectable, sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { Database } from '../../postgres/schema.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import type { Role, Scope } from './access.js';
import { hashKey, newKey, prefixOf } from './key-text.js';
import { roleOf } from './keys.js';
import { columnsOf, RATE_COLUMNS, type Rates, ratesOf } from './rates.js';

/** A key as lists show it: never the key itself, which nobody knows but its owner. */
export interface ApiKey {
  readonly id: string;
  readonly name: string | null;
  /** Its first characters. */
  readonly prefix: string;
  /** Whether it is an operator's; `role` says which. */
  readonly operator: boolean;
  readonly role: Role | null;
  /** What a client's key may; none of an operator's. */
  readonly scopes: readonly Scope[];
  /** Addresses and CIDR blocks it is taken from; none: from everywhere. */
  readonly allowed_addresses: readonly string[];
  readonly rate_limits: Rates;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  /** To the minute; null: never, or not since this is written down. */
  readonly last_used_at: Date | null;
  /** The key that it was rotated to. */
  readonly replaced_by: string | null;
  /** It is no key, but somebody who signs in by OpenID Connect. */
  readonly person: { readonly issuer: string; readonly subject: string } | null;
}

/** A new key. This is the only time that its text is told. */
type NewApiKey = ApiKey & { readonly key: string };

/** What a new key is to be. */
export interface KeyTerms {
  readonly name: string | null;
  readonly role: Role | null;
  readonly scopes: readonly Scope[];
  readonly allowedAddresses: readonly string[];
  readonly rates: Rates;
  readonly expiresAt: Date | null;
}

const COLUMNS = [
  ...(['id', 'name', 'prefix', 'operator', 'role', 'scopes', 'allowed_addresses', 'created_at', 'expires_at'] as const),
  ...(['revoked_at', 'last_used_at', 'replaced_by'] as const),
  ...RATE_COLUMNS,
] as const;

type KeyRow = Pick<Selectable<Database['api_keys']>, (typeof COLUMNS)[number]>;

function shown(row: KeyRow, person: ApiKey['person'] = null): ApiKey {
  const role = roleOf(row);
  const { id, name, prefix, allowed_addresses, created_at, expires_at, revoked_at, last_used_at, replaced_by } = row;
  const may = { operator: role !== null, role, scopes: role ? [] : row.scopes };
  const times = { created_at, expires_at, revoked_at, last_used_at };
  return { id, name, prefix, ...may, allowed_addresses, rate_limits: ratesOf(row), ...times, replaced_by, person };
}

/** A client's newest keys, the newest first, revoked ones among them: `MOST_KEYS` at most. */
export async function listKeys(db: Db, clientId: string): Promise<ApiKey[]> {
  const rows = await db
    .selectFrom('api_keys')
    .select(COLUMNS)
    .where('client_id', '=', clientId)
    // Whatever is not in the list, it is nothing that lets somebody in.
    .orderBy(sql`revoked_at is null and (expires_at is null or expires_at > now())`, 'desc')
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(MOST_KEYS)
    .execute();
  const persons = await db
    .selectFrom('persons as p')
    .innerJoin('api_keys as k', 'k.id', 'p.key_id')
    .select(['p.key_id', 'p.issuer', 'p.subject'])
    .where('k.client_id', '=', clientId)
    .where('k.id', 'in', sql<string>`(select unnest(${rows.map(({ id }) => id)}::uuid[]))`)
    .execute();
  const byKey = new Map(persons.map(({ key_id, issuer, subject }) => [key_id, { issuer, subject }]));
  return rows.map((row) => shown(row, byKey.get(row.id)));
}

const valuesOf = (clientId: string, key: string, terms: KeyTerms) => ({
  client_id: clientId,
  key_hash: hashKey(key),
  prefix: prefixOf(key),
  name: terms.name,
  role: terms.role,
  operator: terms.role === 'admin',
  scopes: terms.role ? [] : [...terms.scopes],
  allowed_addresses: [...terms.allowedAddresses],
  expires_at: terms.expiresAt,
  ...columnsOf(terms.rates),
});

/** More than anybody has; a list is answered whole. */
export const MOST_KEYS = 1_000;

/** too_many: the client has as many as it may, those that ended within a month among them. */
type CreateResult =
  | { readonly kind: 'created'; readonly key: NewApiKey }
  | { readonly kind: 'no_such_client' | 'too_many' };

/** Makes a new key for a client. */
export async function createKey(db: Db, clientId: string, terms: KeyTerms): Promise<CreateResult> {
  return transact(db, async (trx) => {
    // Locks the client, so that many requests at once cannot make more than there may be.
    const client = await trx
      .selectFrom('clients')
      .select('id')
      .where('id', '=', clientId)
      .forUpdate()
      .executeTakeFirst();
    if (!client) return { kind: 'no_such_client' };
    if (!(await mayHaveMoreKeys(trx, clientId))) return { kind: 'too_many' };
    const key = newKey();
    const row = await trx
      .insertInto('api_keys')
      .values(valuesOf(clientId, key, terms))
      .returning(COLUMNS)
      .executeTakeFirstOrThrow();
    return { kind: 'created', key: { ...shown(row), key } };
  });
}

/** Keys that ended count for a month, so that making and revoking in turns has an end, too. */
export async function mayHaveMoreKeys(trx: Trx, clientId: string): Promise<boolean> {
  const { count } = await trx
    .selectFrom('api_keys')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('client_id', '=', clientId)
    .where(sql<boolean>`coalesce(least(revoked_at, expires_at) > now() - interval '30 days', true)`)
    .executeTakeFirstOrThrow();
  return Number(count) < MOST_KEYS;
}

/** Whose keys somebody may change: all of a client's, or those that are no operator's. */
interface KeyReach {
  readonly operatorsKeys: boolean;
}

const NO_OPERATORS_KEY = sql<boolean>`role is null and not operator`;

/** not_found, or what keeps a key from being rotated: it has ended, has been already, is the configuration's, a person's, or too_many. */
export type RotateResult =
  | { readonly kind: 'rotated'; readonly key: NewApiKey; readonly old: ApiKey }
  | { readonly kind: 'not_found' | 'ended' | 'already_rotated' | 'configured' | 'person' | 'too_many' };

/**
 * Rotates a key: makes a new one with the same rights, and ends the old one once both have been valid for a while. The new
 * key's lifetime is as long as the old key's was, and begins now.
 */
export async function rotateKey(
  db: Db,
  clientId: string,
  keyId: string,
  { overlapMs, operatorsKeys }: KeyReach & { readonly overlapMs: number },
): Promise<RotateResult> {
  return transact(db, async (trx) => {
    let query = trx
      .selectFrom('api_keys')
      .select([...COLUMNS, 'bootstrap'])
      .select(({ exists, selectFrom }) =>
        exists(selectFrom('persons').select('key_id').whereRef('persons.key_id', '=', 'api_keys.id')).as('is_person'),
      )
      .select(sql<boolean>`revoked_at is not null or coalesce(expires_at <= now(), false)`.as('ended'))
      .select(sql<Date | null>`now() + (expires_at - created_at)`.as('next_expires_at'))
      .where('id', '=', keyId)
      .where('client_id', '=', clientId)
      .forUpdate();
    if (!operatorsKeys) query = query.where(NO_OPERATORS_KEY);
    const old = await query.executeTakeFirst();
    if (!old) return { kind: 'not_found' };
    if (old.bootstrap) return { kind: 'configured' };
    // Its next would open, under the name of somebody who does not have it.
    if (old.is_person) return { kind: 'person' };
    if (old.replaced_by) return { kind: 'already_rotated' };
    if (old.ended) return { kind: 'ended' };
    if (!(await mayHaveMoreKeys(trx, clientId))) return { kind: 'too_many' };
    const key = newKey();
    const terms = { ...shown(old), allowedAddresses: old.allowed_addresses, rates: ratesOf(old) };
    const created = await trx
      .insertInto('api_keys')
      .values(valuesOf(clientId, key, { ...terms, expiresAt: old.next_expires_at }))
      .returning(COLUMNS)
      .executeTakeFirstOrThrow();
    const ended = await trx
      .updateTable('api_keys')
      .set({
        replaced_by: created.id,
        // `least` passes over null.
        expires_at: sql<Date>`least(expires_at, now() + ${overlapMs} * interval '1 millisecond')`,
      })
      .where('id', '=', keyId)
      .returning(COLUMNS)
      .executeTakeFirstOrThrow();
    return { kind: 'rotated', key: { ...shown(created), key }, old: shown(ended) };
  });
}

/** Revokes a key from this moment on, for good; doing it twice is doing it once. @returns false for no such key. */
export async function revokeKey(
  db: Db,
  clientId: string,
  keyId: string,
  { operatorsKeys }: KeyReach,
): Promise<boolean> {
  let query = db
    .updateTable('api_keys')
    // By hand, so it is not back when the configuration names it again.
    .set({ revoked_at: sql<Date>`coalesce(revoked_at, now())`, bootstrap: false })
    .where('id', '=', keyId)
    .where('client_id', '=', clientId);
  if (!operatorsKeys) query = query.where(NO_OPERATORS_KEY);
  return (await query.returning('id').executeTakeFirst()) !== undefined;
}

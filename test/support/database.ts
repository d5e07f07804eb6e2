import { createHash, randomBytes } from 'node:crypto';
import type { Insertable } from 'kysely';
import pg from 'pg';
import { inject } from 'vitest';
import { type Db, openDatabase } from '../../src/postgres/database.js';
import type { Database } from '../../src/postgres/schema.js';
import { patient } from './patience.js';

export interface TestDatabase {
  /** For processes under test: their `DATABASE_URL`. */
  readonly url: string;
  readonly db: Db;
  /** Closes `db` and deletes the database, whoever is still connected. */
  drop(): Promise<void>;
}

/**
 * A database of the test's own, on the run's PostgreSQL: a copy of the migrated template (about 0.1 s).
 *
 * @example
 * const database = await createTestDatabase();
 * afterAll(() => database.drop());
 */
export async function createTestDatabase(options: { poolSize?: number } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asAdmin(`create database ${name} template ${inject('templateDatabase')}`);
  const url = databaseUrl(name);
  const { poolSize = 10 } = options;
  const db = openDatabase({ url, poolSize, connectMs: patient(5_000), name: 'test', logger: { warn: () => {} } });
  const drop = async () => {
    await db.destroy();
    await asAdmin(`drop database ${name} with (force)`);
  };
  return { url, db, drop };
}

/** An empty database, not migrated. The caller drops it. */
export async function createEmptyDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asAdmin(`create database ${name}`);
  return { url: databaseUrl(name), drop: () => asAdmin(`drop database ${name} with (force)`) };
}

function databaseUrl(name: string): string {
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return url.href;
}

async function asAdmin(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

export interface TestClient {
  readonly id: string;
  /** Its API key, in clear: `Authorization: Bearer <key>`. */
  readonly key: string;
}

interface TestClientOverrides {
  readonly name?: string;
  readonly key?: string;
  /** An administrator's key. */
  readonly operator?: boolean;
  /** As whom it may send. Default: as anybody. */
  readonly senders?: readonly string[];
  /** Anything else of its key. */
  readonly keyColumns?: Partial<Insertable<Database['api_keys']>>;
  /** Anything else of itself. */
  readonly columns?: Partial<Insertable<Database['clients']>>;
}

/** A client (tenant) with one API key. */
export async function insertClient(db: Db, overrides: TestClientOverrides = {}): Promise<TestClient> {
  const key = overrides.key ?? `test-${randomBytes(24).toString('base64url')}`;
  const { id } = await db
    .insertInto('clients')
    .values({
      name: overrides.name ?? `client-${randomBytes(4).toString('hex')}`,
      any_sender: overrides.senders === undefined,
      ...overrides.columns,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const hash = createHash('sha256').update(key).digest();
  await db
    .insertInto('api_keys')
    .values({
      client_id: id,
      key_hash: hash,
      prefix: key.slice(0, 8),
      operator: overrides.operator ?? false,
      ...overrides.keyColumns,
    })
    .execute();
  for (const sender of overrides.senders ?? []) {
    await db.insertInto('client_senders').values({ client_id: id, sender }).execute();
  }
  return { id, key };
}

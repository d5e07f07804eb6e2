import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import type { Logger } from 'pino';
import { prepareStatements } from './prepared.js';
import type { Database } from './schema.js';
import { sendTogether } from './together.js';

export type Db = Kysely<Database>;

// timestamptz comes as Date; bigint (counts) as number: none of ours reaches 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export interface DatabaseOptions {
  readonly url: string;
  /** The most connections this process opens. */
  readonly poolSize: number;
  /** Shown in `pg_stat_activity`. */
  readonly name: string;
  readonly logger: Pick<Logger, 'warn'>;
}

/**
 * Opens a pool of connections. Nothing is connected until the first query; a server that goes away costs the running
 * queries an error and nothing else, the pool reconnects.
 */
export function openDatabase(options: DatabaseOptions): Db {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize,
    application_name: `tempost-${options.name}`,
    connectionTimeoutMillis: 5_000,
    // Statements are sent as they are asked for, not one answer at a time; see `transact`.
    pipeline: true,
    // A process frozen inside a transaction must not hold its locks for longer than others can wait.
    options: '-c idle_in_transaction_session_timeout=10s -c statement_timeout=30s',
  });
  // node-postgres emits `error` on clients that the server ends, idle (on the pool) or inside a transaction (on the
  // client); unheard, it would end the process. The query that was running fails all the same.
  const lost = (error: Error) => options.logger.warn({ code: codeOf(error) }, 'database connection lost');
  pool.on('error', lost);
  pool.on('connect', (client) => {
    client.on('error', lost);
    prepareStatements(client);
    sendTogether(client);
  });
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
}

const codeOf = (error: Error) => (error as { code?: string }).code;

/**
 * Refuses a server that may forget what it has confirmed: acceptance is only worth something if commits are durable.
 *
 * @throws Error naming the setting that is off.
 */
export async function assertDurable(db: Db): Promise<void> {
  const { rows } = await sql<{ name: string; setting: string }>`
    select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes')`.execute(
    db,
  );
  const off = rows.filter((row) => row.setting === 'off').map((row) => row.name);
  if (off.length > 0) {
    throw new Error(`PostgreSQL has ${off.join(' and ')} switched off: accepted e-mails could be lost. Switch it on.`);
  }
}

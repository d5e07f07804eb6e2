import type { Socket } from 'node:net';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Logger } from 'pino';
import { NOTICE_LOST_CLIENT, NOTICE_LOST_SERVER } from './lost-peers.js';
import { PrimaryClient } from './primary-client.js';
import type { Database } from './schema.js';
import { prepareStatements } from './statements/prepared.js';
import { sendTogether } from './statements/together.js';

export type Db = Kysely<Database>;

// timestamptz comes as Date; bigint (counts) as number: none of ours reaches 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/** The server ends a statement by itself after this. */
const STATEMENT_TIMEOUT_S = 30;
/** Longer than that: who says nothing until then is frozen, or cut off, and its connection is given up. */
const SILENCE_MS = 40_000;
/**
 * What a burst has opened is there for the next one. To open a connection took longer than the 5 s that a request waits,
 * at a load of 58 on two cores: there a pause of a tenth of a second could end in answers of 503.
 */
const IDLE_MS = 10 * 60_000;
const CONNECT_MS = 5_000;

export interface DatabaseOptions {
  readonly url: string;
  /** The most connections this process opens. */
  readonly poolSize: number;
  /** Shown in `pg_stat_activity`. */
  readonly name: string;
  readonly logger: Pick<Logger, 'warn'>;
  /** How long a statement may stay without an answer; 0: for ever, for migrations. */
  readonly silenceMs?: number;
  /** How long a query waits for a connection of the pool, be it a free one or a new one. Default: 5 s. */
  readonly connectMs?: number;
}

/**
 * Opens a pool of connections. Nothing is connected until the first query; a server that goes away costs the running
 * queries an error and nothing else, the pool reconnects. Servers that take no writes are left; see `PrimaryClient`.
 */
export function openDatabase(options: DatabaseOptions): Db {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize,
    application_name: `tempost-${options.name}`,
    connectionTimeoutMillis: options.connectMs ?? CONNECT_MS,
    idleTimeoutMillis: IDLE_MS,
    query_timeout: options.silenceMs ?? SILENCE_MS,
    ...NOTICE_LOST_SERVER,
    Client: PrimaryClient,
    verify: (client, done) => done((client as pg.PoolClient & PrimaryClient).refusal()),
    // Statements are sent as they are asked for, not one answer at a time; see `transact`.
    pipeline: true,
    // A process frozen inside a transaction must not hold its locks for longer than others can wait.
    options: `-c idle_in_transaction_session_timeout=10s -c statement_timeout=${STATEMENT_TIMEOUT_S}s ${NOTICE_LOST_CLIENT}`,
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
  // Given up a moment ago, it does not know yet: nobody else is to get it.
  pool.on('release', (_error, client) => {
    const { connection } = client as unknown as { connection: { stream: Socket } };
    if (connection.stream.destroyed) void client.end();
  });
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
}

const codeOf = (error: Error) => (error as { code?: string }).code;

import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { freePort } from '../../src/dev/ports.js';
import { removePostgresHome, startPostgres } from '../../src/dev/postgres/server.js';
import { findTemporalCli } from '../../src/dev/temporal/cli.js';
import { startTemporalServer } from '../../src/dev/temporal/server.js';
import { Parts } from '../../test/support/servers/parts.js';
import { Stack, type StackOptions } from '../../test/support/stack.js';
import type { Pids } from './usage.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** For a second system on the same servers. */
export const SECOND_NAMESPACE = 'second';

/** The servers of a bench, of its own and as `npm start` runs them, and what else it starts; all of it ends with it. */
export class World {
  private constructor(
    readonly folder: string,
    /** PostgreSQL, as a superuser; the database of `url` is migrated and ours. */
    readonly url: string,
    /** The folder of its data. */
    readonly postgresHome: string,
    readonly server: pg.Client,
    readonly temporalAddress: string,
    readonly temporal: Client,
    readonly pids: Pids,
    private readonly parts: Parts,
  ) {}

  /**
   * @param more settings of its PostgreSQL.
   * @param kept a folder for the data of its PostgreSQL, which stay there; default: one that goes with the world.
   * @param dist another build, by whose migrations its database is made.
   */
  static async start(more: Readonly<Record<string, string>> = {}, kept?: string, dist?: string): Promise<World> {
    const parts = new Parts('bench');
    try {
      const folder = parts.own(mkdtempSync(join(tmpdir(), 'tempost-bench-')), (path) =>
        rmSync(path, { recursive: true, force: true, maxRetries: 10 }),
      );
      chmodSync(folder, 0o711); // As root PostgreSQL runs as another user, who must be able to pass.
      const home = kept ?? join(folder, 'postgres');
      if (!kept) parts.own(home, removePostgresHome);
      const settings = { max_connections: '200', shared_preload_libraries: 'pg_stat_statements', ...more };
      const port = await freePort();
      const postgres = await parts.start(
        () => startPostgres({ home, port, settings }),
        (it) => it.stop(),
      );
      await migrate(postgres.url, dist);
      const server = parts.own(new pg.Client({ connectionString: postgres.url, application_name: 'bench' }), (it) =>
        it.end(),
      );
      server.on('error', () => {});
      await server.connect();
      await server.query('create extension if not exists pg_stat_statements');
      const cli = await findTemporalCli({ env: process.env, dataDir: process.env.DATA_DIR || join(root, '.data') });
      const temporalOptions = {
        cli,
        port: await freePort(),
        databaseFile: join(folder, 'temporal.db'),
        logFile: join(folder, 'temporal.log'),
        namespaces: [SECOND_NAMESPACE],
      };
      const temporal = await parts.start(
        () => startTemporalServer(temporalOptions),
        (it) => it.stop(),
      );
      const connection = parts.own(await Connection.connect({ address: temporal.address }), (it) => it.close());
      const pids = { PostgreSQL: postgres.pid, Temporal: temporal.pid, driver: process.pid };
      const client = new Client({ connection });
      return new World(folder, postgres.url, postgres.home, server, temporal.address, client, pids, parts);
    } catch (error) {
      await parts.end();
      throw error;
    }
  }

  /** Has something ended with the world, before what was there already. */
  own<T>(thing: T, end: (thing: T) => unknown): T {
    return this.parts.own(thing, end);
  }

  /** The whole system, the sandbox as its providers, its inbox off. */
  async startStack(options: Partial<StackOptions> = {}): Promise<Stack> {
    const { url: databaseUrl, temporalAddress } = this;
    // As in a cluster: a line for every request would be measured as well, so it stays on.
    const env = { LOG_LEVEL: 'info', ...options.env };
    return this.parts.start(
      () => Stack.start({ databaseUrl, temporalAddress, ...options, env }),
      (it) => it.stop(),
    );
  }

  /** Another database on the same server, migrated. @returns its address. */
  async createDatabase(name: string): Promise<string> {
    await this.server.query(`create database ${name}`);
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    await migrate(url.href);
    return url.href;
  }

  /** Rows of our record. Statements that name `bench` (an alias will do) are not counted as anybody's. */
  async query<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
    return (await this.server.query<T>(text, values)).rows;
  }

  /** A connection to another database of the server. */
  async connect(url: string): Promise<pg.Client> {
    const client = this.own(new pg.Client({ connectionString: url }), (it) => it.end());
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  /** How many workflows of a type are open. @param temporal another one than the world's own. */
  async openWorkflows(type: string, namespace = 'default', temporal = this.temporal): Promise<number> {
    const client = new Client({ connection: temporal.connection, namespace });
    const { count } = await client.workflow.count(`WorkflowType="${type}" AND ExecutionStatus="Running"`);
    return count;
  }

  /** Ends everything and leaves nothing behind. May be called twice. */
  async end(): Promise<void> {
    await this.parts.end();
  }
}

async function migrate(url: string, dist = join(root, 'dist')): Promise<void> {
  const script = join(dist, 'src/postgres/migrate-main.js');
  await promisify(execFile)(process.execPath, [script], { env: { ...process.env, DATABASE_URL: url } });
}

/**
 * Runs a bench in a world of its own. An interrupted one leaves nothing behind; a terminal's Ctrl-C comes twice, from
 * the terminal and through tsx.
 */
export async function withWorld<T>(
  bench: (world: World) => Promise<T>,
  postgresSettings: Readonly<Record<string, string>> = {},
  kept?: string,
): Promise<T> {
  let ending = false;
  const interrupted = (code: number) => () => {
    if (!ending) void Parts.endAll().finally(() => process.exit(code));
    ending = true;
  };
  const onInterrupt = interrupted(130);
  const onTerminate = interrupted(143);
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate);
  const world = await World.start(postgresSettings, kept);
  try {
    return await bench(world);
  } finally {
    await world.end();
    process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate);
  }
}

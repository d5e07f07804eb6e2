import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { buildIfStale } from '../../../scripts/dist.mjs';
import { freePort } from '../../../src/dev/ports.js';
import {
  PortTakenError,
  type RunningPostgres,
  removePostgresHome,
  startPostgres,
} from '../../../src/dev/postgres/server.js';
import { signal } from '../../../src/dev/processes/process.js';
import { findTemporalCli } from '../../../src/dev/temporal/cli.js';
import { type RunningTemporal, startTemporalServer } from '../../../src/dev/temporal/server.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The run's PostgreSQL, as a superuser. */
    postgresUrl: string;
    /** The database that `createTestDatabase` copies: migrated, otherwise empty. */
    templateDatabase: string;
    /** The run's Temporal server, `host:port`. */
    temporalAddress: string;
    /** The Temporal CLI, for tests that run it or start a server of their own. */
    temporalCli: string;
  }
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
const TEMPLATE = 'tempost_template';

/**
 * One PostgreSQL and one Temporal server for the whole run, on free ports and in a folder of their own: two runs on
 * one machine do not meet.
 */
/** Off by default, and experimental. */
const PAUSABLE = ['--dynamic-config-value', 'frontend.WorkflowPauseEnabled=true'];

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Many tests run processes and workflows as they were built: never those of yesterday's sources.
  if (!buildIfStale()) throw new Error('The sources could not be built; the compiler has said why.');
  const folder = mkdtempSync(join(tmpdir(), 'tempost-test-'));
  const home = join(folder, 'postgres');
  chmodSync(folder, 0o711); // As root PostgreSQL runs as another user, who must be able to pass.
  const pids: number[] = [];
  const onSpawn = (pid: number) => void pids.push(pid);
  // Whatever ends this process, short of SIGKILL, takes the servers and the files along.
  const clear = () => {
    for (const pid of pids) signal(-pid, 'SIGKILL');
    removePostgresHome(home);
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  };
  const interrupted = () => {
    clear();
    process.exit(130);
  };
  process.once('exit', clear);
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    const cli = await findTemporalCli({ env: process.env, dataDir: process.env.DATA_DIR || join(root, '.data') });
    const [postgres, temporal] = await Promise.all([
      onFreePort((port) => startPostgres({ home, port, settings: { max_connections: '300' }, onSpawn })),
      onFreePort((port) =>
        startTemporalServer({ cli, port, logFile: join(folder, 'temporal.log'), onSpawn, extraArgs: PAUSABLE }),
      ),
    ]);
    await makeTemplate(postgres.url);
    project.provide('postgresUrl', postgres.url);
    project.provide('templateDatabase', TEMPLATE);
    project.provide('temporalAddress', temporal.address);
    project.provide('temporalCli', cli);
    return async () => {
      await Promise.all([temporal.stop(), postgres.stop()]);
      pids.length = 0;
      clear();
    };
  } catch (error) {
    clear();
    throw error;
  }
}

/** A free port can be taken by another run before its server gets there: then another one. */
async function onFreePort<T extends RunningPostgres | RunningTemporal>(start: (port: number) => Promise<T>) {
  for (let tries = 1; ; tries++) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (!(error instanceof PortTakenError) || tries === 5) throw error;
    }
  }
}

/** Migrates in a process of its own: Kysely imports migrations natively, and here only Vitest knows TypeScript. */
async function makeTemplate(url: string): Promise<void> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  await admin.query(`create database ${TEMPLATE}`);
  await admin.end();
  const template = new URL(url);
  template.pathname = `/${TEMPLATE}`;
  const script = join(root, 'src', 'postgres', 'migrate-main.ts');
  const env = { ...process.env, NODE_OPTIONS: '', DATABASE_URL: template.href };
  for (let tries = 1; ; tries++) {
    try {
      await promisify(execFile)(process.execPath, ['--import', 'tsx', script], { cwd: root, env });
      return;
    } catch (error) {
      const { stderr, message } = error as Error & { stderr?: string };
      // PostgreSQL ends who says nothing for ten seconds within a transaction: a process that gets no processor is one.
      const isSlow = /connection error|terminat/i.test(stderr ?? '');
      if (!isSlow || tries === 5) throw new Error(`The test database could not be migrated: ${stderr || message}`);
    }
  }
}

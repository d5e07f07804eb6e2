import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { type Config, loadConfig, temporalTls } from '../config.js';
import { assertDurable, openDatabase } from '../db/database.js';
import { migrate } from '../db/migrate.js';
import { childService } from './child.js';
import { childEnvironment, planProcesses } from './plan.js';
import { startPostgres } from './postgres.js';
import { endWhenStuck } from './postgres-watch.js';
import { allReady, type Probe } from './readiness.js';
import type { Addresses } from './run-state.js';
import { ensureSearchAttributes } from './search-attributes.js';
import type { Settings } from './settings.js';
import type { Supervisor } from './supervisor.js';
import { findTemporalCli } from './temporal-cli.js';
import { startTemporalServer } from './temporal-server.js';

export interface StackOptions {
  readonly settings: Settings;
  readonly supervisor: Supervisor;
  /** Aborted when the user wants an end while we are still starting. */
  readonly signal: AbortSignal;
  readonly say: (name: string, sentence: string) => void;
  readonly onLine: (name: string, line: string) => void;
}

export interface StartedStack {
  readonly addresses: Addresses;
  /** Where PostgreSQL keeps its data; undefined when it is not ours. */
  readonly postgresHome?: string;
}

/** More than our processes' pools together, and a few for people. */
const MAX_CONNECTIONS = '200';

/**
 * Starts everything under the supervisor, and returns when the services say they are ready.
 *
 * @throws whatever the first start of a server threw.
 */
export async function startStack(options: StackOptions): Promise<StartedStack> {
  const { settings, supervisor, say } = options;
  const [postgres] = await Promise.all([runPostgres(options), runTemporal(options)]);
  options.signal.throwIfAborted();
  const env = childEnvironment(settings, postgres.url);
  const config = loadConfig(env);
  await Promise.all([migrateDatabase(config, say), settings.ownTemporal ? undefined : prepareForeignTemporal(config)]);
  const graceMs = config.shutdownGraceMs + 10_000;
  for (const planned of planProcesses(settings)) {
    await supervisor.run(childService(planned, { env, graceMs, onLine: options.onLine, say }));
  }
  const addresses = addressesOf(settings, config);
  await allReady(probesOf(addresses), {
    signal: options.signal,
    everyMs: 20_000,
    onWaiting: (names) => say('start', `still waiting for ${names.join(', ')}`),
  });
  return { addresses, postgresHome: postgres.home };
}

async function runPostgres({ settings, supervisor, say }: StackOptions): Promise<{ url: string; home?: string }> {
  if (!settings.ownPostgres) return { url: settings.env.DATABASE_URL as string };
  let started = { url: '', home: '' };
  await supervisor.run({
    name: 'postgres',
    async start(onSpawn) {
      const home = join(settings.dataDir, 'postgres');
      const serverSettings = { max_connections: MAX_CONNECTIONS };
      const { postgres: port } = settings.ports;
      const tell = (sentence: string) => say('postgres', sentence);
      const running = await startPostgres({ home, port, settings: serverSettings, onSpawn, say: tell });
      endWhenStuck(running, tell);
      started = running;
      tell(`ready on port ${port}`);
      return running;
    },
  });
  return { url: started.url, home: started.home };
}

async function runTemporal({ settings, supervisor, say }: StackOptions): Promise<void> {
  if (!settings.ownTemporal) return;
  const { dataDir, ports } = settings;
  const cli = await findTemporalCli({
    env: settings.env,
    dataDir,
    say: (sentence) => say('temporal', sentence),
  });
  const namespace = settings.env.TEMPORAL_NAMESPACE ?? 'default';
  await supervisor.run({
    name: 'temporal',
    async start(onSpawn) {
      const running = await startTemporalServer({
        cli,
        port: ports.temporal,
        uiPort: ports.temporalUi,
        databaseFile: join(dataDir, 'temporal.db'),
        logFile: join(dataDir, 'temporal.log'),
        namespaces: namespace === 'default' ? [] : [namespace],
        onSpawn,
        say: (sentence) => say('temporal', sentence),
      });
      say('temporal', `ready on port ${ports.temporal}`);
      return running;
    },
  });
}

async function migrateDatabase(config: Config, say: StackOptions['say']): Promise<void> {
  const db = openDatabase({ url: config.database.url, poolSize: 1, name: 'start', logger: { warn: () => {} } });
  try {
    await assertDurable(db);
    const ran = await migrate(db);
    if (ran.length > 0) say('postgres', `migrated: ${ran.join(', ')}`);
  } finally {
    await db.destroy();
  }
}

async function prepareForeignTemporal(config: Config): Promise<void> {
  const { address, apiKey, namespace } = config.temporal;
  const connection = await Connection.connect({ address, apiKey, tls: temporalTls(config) }).catch((error: Error) => {
    throw new Error(`TEMPORAL_ADDRESS: no Temporal server answers at ${address} (${error.message}).`);
  });
  try {
    await ensureSearchAttributes(connection, namespace);
  } finally {
    await connection.close();
  }
}

function addressesOf(settings: Settings, config: Config): Addresses {
  const host = config.host === '0.0.0.0' || config.host === '::' ? '127.0.0.1' : config.host;
  const local = (port: number) => `http://127.0.0.1:${port}`;
  const { ports } = settings;
  return {
    api: `http://${host}:${config.apiPort}`,
    webhooks: `http://${host}:${config.webhooksPort}`,
    database: config.database.url,
    temporal: config.temporal.address,
    temporalUi: settings.ownTemporal ? local(ports.temporalUi) : undefined,
    sandbox: settings.sandbox ? local(ports.sandbox) : undefined,
    inbox: settings.inbox ? local(ports.inbox) : undefined,
    apiKey: config.bootstrapApiKey as string,
  };
}

function probesOf(addresses: Addresses): Probe[] {
  const { inbox, sandbox } = addresses;
  return [
    { name: 'api', url: `${addresses.api}/readyz` },
    { name: 'webhooks', url: `${addresses.webhooks}/readyz` },
    ...(sandbox ? [{ name: 'sandbox', url: sandbox, anyAnswer: true }] : []),
    ...(inbox ? [{ name: 'inbox', url: inbox, anyAnswer: true }] : []),
  ];
}

import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { type Config, loadConfig, temporalTls } from '../config.js';
import { openDatabase } from '../postgres/database.js';
import { assertDurable } from '../postgres/durability.js';
import { migrate } from '../postgres/migrate.js';
import { PRIORITIES } from '../priority.js';
import { childEnvironment, type PlannedProcess, planProcesses, workerName } from './plan.js';
import { startPostgres } from './postgres/server.js';
import { endWhenStuck } from './postgres/watch.js';
import { childService } from './processes/child.js';
import { allReady, connectForProbes, httpProbe, type Probe, workerProbe } from './processes/readiness.js';
import type { Supervisor } from './processes/supervisor.js';
import type { Addresses } from './run-state.js';
import { requireSearchAttributes } from './search-attributes.js';
import type { Settings } from './settings.js';
import { findTemporalCli } from './temporal/cli.js';
import { startTemporalServer } from './temporal/server.js';

export interface StackOptions {
  readonly settings: Settings;
  readonly supervisor: Supervisor;
  /** Aborted when the user wants an end while we are still starting. */
  readonly signal: AbortSignal;
  readonly say: (name: string, sentence: string) => void;
  readonly onLine: (name: string, line: string) => void;
}

interface StartedStack {
  readonly addresses: Addresses;
  /** Where PostgreSQL keeps its data; undefined when it is not ours. */
  readonly postgresHome?: string;
  readonly planned: readonly PlannedProcess[];
  /** Of every process. */
  readonly env: NodeJS.ProcessEnv;
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
  const [postgres, temporalCli] = await Promise.all([runPostgres(options), runTemporal(options)]);
  options.signal.throwIfAborted();
  const env = childEnvironment(settings, postgres.url);
  const config = loadConfig(env);
  await Promise.all([migrateDatabase(config, say), settings.ownTemporal ? undefined : prepareForeignTemporal(config)]);
  const graceMs = config.shutdownGraceMs + 10_000;
  const planned = planProcesses(settings);
  for (const one of planned) {
    await supervisor.run(childService(one, { env, graceMs, onLine: options.onLine, say }));
  }
  const addresses = addressesOf(settings, config, temporalCli);
  const connection = connectForProbes(config);
  try {
    const pidOf = (name: string) => supervisor.pids().get(name);
    const workers = PRIORITIES.map((priority) =>
      workerProbe(connection, config.temporal.namespace, priority, () => pidOf(workerName(priority))),
    );
    await allReady([...servicesOf(addresses), ...workers], {
      signal: options.signal,
      everyMs: 20_000,
      onWaiting: (names) => say('start', `still waiting for ${names.join(', ')}`),
    });
  } finally {
    await connection.close();
  }
  return { addresses, postgresHome: postgres.home, planned, env };
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

/** @returns where Temporal's command is, when we have looked for it. */
async function runTemporal({ settings, supervisor, say }: StackOptions): Promise<string | undefined> {
  if (!settings.ownTemporal) return undefined;
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
  return cli;
}

async function migrateDatabase(config: Config, say: StackOptions['say']): Promise<void> {
  const db = openDatabase({ url: config.database.url, poolSize: 1, name: 'start', logger: { warn: () => {} } });
  try {
    await assertDurable(db, config.database.asyncReplication);
    const { ran } = await migrate(db);
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
    await requireSearchAttributes(connection, namespace);
  } finally {
    await connection.close();
  }
}

function addressesOf(settings: Settings, config: Config, temporalCli: string | undefined): Addresses {
  const host = config.host === '0.0.0.0' || config.host === '::' ? '127.0.0.1' : config.host;
  const local = (port: number) => `http://127.0.0.1:${port}`;
  const { ports } = settings;
  return {
    api: `http://${host}:${config.apiPort}`,
    webhooks: `http://${host}:${config.webhooksPort}`,
    database: config.database.url,
    temporal: config.temporal.address,
    temporalUi: settings.ownTemporal ? local(ports.temporalUi) : undefined,
    temporalCli,
    metrics: config.metricsPort ? `http://${host}:${config.metricsPort}/metrics` : undefined,
    sandbox: settings.sandbox ? local(ports.sandbox) : undefined,
    inbox: settings.inbox ? local(ports.inbox) : undefined,
    apiKey: config.bootstrapApiKey as string,
  };
}

/** What tells by itself that it is ready; the dispatcher does by its metrics. */
function servicesOf({ api, webhooks, inbox, sandbox, metrics }: Addresses): Probe[] {
  return [
    httpProbe('api', `${api}/readyz`),
    httpProbe('webhooks', `${webhooks}/readyz`),
    ...(metrics ? [httpProbe('dispatcher', metrics)] : []),
    ...(sandbox ? [httpProbe('sandbox', sandbox, true)] : []),
    ...(inbox ? [httpProbe('inbox', inbox, true)] : []),
  ];
}

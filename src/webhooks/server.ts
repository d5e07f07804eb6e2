import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { loadStatuses, type StatusCatalogue } from '../domain/emails/statuses.js';
import { heartbeatRow } from '../domain/fleets/heartbeats.js';
import { createReadiness } from '../http/readiness.js';
import { closeServer, createServer, listen } from '../http/server.js';
import { type Db, openDatabase } from '../postgres/database.js';
import { assertMigrated, faultOfDatabase } from '../postgres/migrate.js';
import { SchemaError } from '../postgres/schema-state.js';
import type { Health } from '../process/health.js';
import { startHeartbeat } from '../process/heartbeat.js';
import { createQuietLog } from '../process/quiet-log.js';
import type { Stop } from '../process/service.js';
import { releaseVersion } from '../process/version.js';
import { connectTemporal } from '../temporal/connection.js';
import { createWebhooksApp } from './app.js';
import { WEBHOOK_LIMITS, type WebhookLimits } from './limits.js';
import { createSignaller } from './signaller.js';
import { loadSources } from './sources.js';

/** How long requests may take to finish when the process is told to stop, before the signals. */
const REQUEST_GRACE_MS = 10_000;
/** How long the start waits for a database that does not answer. */
const LOOK_MS = 2_000;

/**
 * Starts the webhooks service on `WEBHOOKS_PORT`. It needs neither the database nor Temporal to start: without the one
 * it answers 503 and its readiness fails, without the other signals wait for the dispatcher.
 *
 * @throws SchemaError when the database answers and its schema is too old or too new; when the port cannot be listened
 * on.
 */
export async function startWebhooks(
  config: Config,
  log: Logger,
  limits: WebhookLimits = WEBHOOK_LIMITS,
  health?: Pick<Health, 'needs'>,
): Promise<Stop> {
  // Anybody can make trouble here: refusals by the thousand, and one for each webhook while the database is away.
  const logger = createQuietLog(log);
  const db = openDatabase({ url: config.database.url, poolSize: config.database.poolSize, name: 'webhooks', logger });
  health?.needs('database_unavailable', () => faultOfDatabase(db));
  const heartbeat = startHeartbeat(
    heartbeatRow(db, { process: 'webhooks', priority: null, version: releaseVersion() }),
  );
  const signaller = createSignaller({ db, connect: () => connectTemporal(config, log), logger });
  const sources = await loadSources(config);
  await assertSchema(db);
  const catalogue = onceLoaded(db);
  const readiness = createReadiness(() => faultOfDatabase(db));
  const app = createWebhooksApp({
    readiness,
    sources,
    db,
    catalogue,
    notify: signaller.notify,
    logger,
    life: log,
    limits,
  });
  const server = createServer(
    { ...limits, headersMs: limits.headersTimeoutMs, requestMs: limits.bodyTimeoutMs + limits.leftoverMs },
    app.callback(),
  );
  await listen(server, config.webhooksPort, config.host);
  return async () => {
    readiness.stop();
    await closeServer(server, { drainMs: config.drainMs, graceMs: REQUEST_GRACE_MS });
    await signaller.stop(limits.signalGraceMs);
    await heartbeat.stop();
    await db.destroy();
    logger.stop();
  };
}

/** A database that does not answer now may be fit when it does; until then the readiness fails. */
async function assertSchema(db: Db): Promise<void> {
  const look = assertMigrated(db).catch((error) => {
    if (error instanceof SchemaError) throw error;
  });
  await Promise.race([look, delay(LOOK_MS, undefined, { ref: false })]);
  look.catch(() => {});
}

/** Reads the statuses at the first need and keeps them; a failure is not kept. */
function onceLoaded(db: Db): () => Promise<StatusCatalogue> {
  let loaded: Promise<StatusCatalogue> | undefined;
  return () => {
    loaded ??= loadStatuses(db).catch((error) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
}

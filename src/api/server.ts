import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { ensureBootstrapKey } from '../domain/clients/bootstrap-key.js';
import { loadStatuses } from '../domain/emails/statuses.js';
import { heartbeatRow } from '../domain/fleets/heartbeats.js';
import { ensureProviders } from '../domain/provider-health/rows.js';
import { createReadiness } from '../http/readiness.js';
import { closeServer, createServer, listen } from '../http/server.js';
import { type DatabaseOptions, type Db, openDatabase } from '../postgres/database.js';
import { assertFit } from '../postgres/fit.js';
import { faultOfDatabase } from '../postgres/migrate.js';
import type { Health } from '../process/health.js';
import { startHeartbeat } from '../process/heartbeat.js';
import { createQuietLog } from '../process/quiet-log.js';
import type { Stop } from '../process/service.js';
import { releaseVersion } from '../process/version.js';
import { createObjectReader } from '../storage/reader.js';
import { lazyTemporal } from '../temporal/lazy-connection.js';
import { createApp } from './app.js';
import { Gate } from './gate.js';
import { API_LIMITS, type ApiLimits } from './limits.js';
import { createSignsOfLife } from './signs-of-life.js';
import { createWorkflowWaker } from './workflow-waker.js';

/** Connections for staging attachments: about what one disk can write at once. */
const UPLOAD_POOL_SIZE = 6;

/** The client that owns `BOOTSTRAP_API_KEY`. */
const BOOTSTRAP_CLIENT = 'bootstrap';

/** What the api reads of the configuration. */
export type ApiConfig = Pick<
  Config,
  | 'database'
  | 'temporal'
  | 'host'
  | 'apiPort'
  | 'bootstrapApiKey'
  | 'deadlineMs'
  | 'drainMs'
  | 'shutdownGraceMs'
  | 'providers'
  | 'serviceLevelTarget'
  | 'retention'
  | 'disk'
  | 'trustedProxies'
  | 'inFlightLimit'
  | 'storage'
> &
  Partial<Pick<Config, 'metricsPort' | 'openId'>> & { readonly database: Pick<DatabaseOptions, 'connectMs'> };

interface RunningApi {
  readonly port: number;
  readonly stop: Stop;
}

/**
 * Starts the api: it serves from the moment this resolves. It contacts Temporal only to wake a workflow sooner and
 * to say why one waits, and needs it for nothing.
 *
 * @throws when the database cannot be reached, is not fit for this release, or the port is taken.
 */
export async function startApi(
  config: ApiConfig,
  logger: Logger,
  limits: ApiLimits = API_LIMITS,
  health?: Pick<Health, 'needs'>,
): Promise<RunningApi> {
  const { url, poolSize, connectMs } = config.database;
  const quiet = createQuietLog(logger);
  const db = openDatabase({ url, poolSize, connectMs, name: 'api', logger: quiet });
  const uploads = openDatabase({ url, poolSize: UPLOAD_POOL_SIZE, connectMs, name: 'api-uploads', logger: quiet });
  // Loaded when it is needed: most apis never wake a workflow, and Temporal's native part takes memory.
  const temporal = lazyTemporal(async () =>
    (await import('../temporal/connection.js')).connectTemporal(config, logger),
  );
  const waker = createWorkflowWaker(temporal, logger);
  const gate = new Gate({ db, logger, trustedProxies: config.trustedProxies });
  health?.needs('database_unavailable', () => faultOfDatabase(db));
  const heartbeat = startHeartbeat(heartbeatRow(db, { process: 'api', priority: null, version: releaseVersion() }));
  const close = async () => {
    await heartbeat.stop();
    await waker.stop();
    await gate.stop();
    await Promise.all([db.destroy(), uploads.destroy()]);
  };
  try {
    await prepare(db, config, logger);
    const catalogue = await loadStatuses(db);
    const { deadlineMs, providers, inFlightLimit, serviceLevelTarget } = config;
    const signs = createSignsOfLife(db, temporal, config.temporal.namespace);
    const attachments = createObjectReader(config);
    const readiness = createReadiness(() => faultOfDatabase(db));
    const { uiUrl, namespace } = config.temporal;
    const temporalWorkflows = uiUrl ? `${uiUrl}/namespaces/${encodeURIComponent(namespace)}/workflows` : null;
    const resources = {
      db,
      uploads,
      catalogue,
      logger,
      deadlineMs,
      limits,
      providers,
      inFlightLimit,
      temporalWorkflows,
      openId: config.openId ?? null,
    };
    const {
      disk,
      retention: { emails: retention },
    } = config;
    const app = createApp(
      { ...resources, serviceLevelTarget, disk, retention, waker, signs, attachments, readiness },
      gate,
    );
    const { headersTimeoutMs: headersMs, uploadTimeoutMs } = limits;
    const server = createServer({ ...limits, headersMs, requestMs: uploadTimeoutMs + 10_000 }, app.callback());
    const port = await listen(server, config.apiPort, config.host);
    logger.info({ port }, 'listening');
    const stop = async () => {
      readiness.stop();
      await closeServer(server, { drainMs: config.drainMs, graceMs: config.shutdownGraceMs });
      await close();
    };
    return { port, stop };
  } catch (error) {
    await close();
    throw error;
  }
}

async function prepare(db: Db, config: ApiConfig, logger: Logger): Promise<void> {
  const { bootstrapApiKey } = config;
  await assertFit(db, config.database, logger);
  await ensureProviders(db);
  if (bootstrapApiKey && !(await ensureBootstrapKey(db, BOOTSTRAP_CLIENT, bootstrapApiKey))) {
    logger.warn('BOOTSTRAP_API_KEY was revoked or belongs to another client: it is no operator’s key');
  }
}

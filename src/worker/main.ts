import { parseArgs } from 'node:util';
import { beginCounting } from '../activities/metrics.js';
import { loadStatuses } from '../domain/emails/statuses.js';
import { heartbeatRow } from '../domain/fleets/heartbeats.js';
import { ensureProviders } from '../domain/provider-health/rows.js';
import { openDatabase } from '../postgres/database.js';
import { assertFit } from '../postgres/fit.js';
import { faultOfDatabase } from '../postgres/migrate.js';
import { isPriority, PRIORITIES } from '../priority.js';
import { startHeartbeat } from '../process/heartbeat.js';
import { NICENESS, stepBack } from '../process/niceness.js';
import { createQuietLog } from '../process/quiet-log.js';
import { runService } from '../process/service.js';
import { releaseVersion } from '../process/version.js';
import { createProviders } from '../providers/adapters.js';
import { guardAgainstOlderRecord } from '../recovery/safeguard.js';
import { createObjectStore } from '../storage/index.js';
import { connectTemporal } from '../temporal/connection.js';
import { sampleSdk } from '../temporal/sdk-metrics.js';
import { FLEET_SIZES } from './fleet.js';
import { sampleSlots } from './metrics.js';
import { assertNotFailed, assertPolling, readVitals } from './vitals.js';
import { startWorker } from './worker.js';

const { values } = parseArgs({ options: { priority: { type: 'string' } } });
const { priority } = values;
if (!isPriority(priority)) {
  process.stderr.write(`worker: --priority must be one of ${PRIORITIES.join(', ')}\n`);
  process.exit(1);
}

stepBack(NICENESS[priority]);
beginCounting(priority);
await runService(`worker-${priority}`, async (config, logger, { addSample, health }) => {
  const db = openDatabase({ ...config.database, name: `worker-${priority}`, logger: createQuietLog(logger) });
  health.needs('database_unavailable', () => faultOfDatabase(db));
  const { workerBuildId: buildId } = config.temporal;
  const kind = { process: 'worker', priority, version: releaseVersion(), buildId } as const;
  const heartbeat = startHeartbeat(heartbeatRow(db, kind));
  await assertFit(db, config.database, logger);
  await ensureProviders(db);
  const temporal = await connectTemporal(config, logger);
  health.needs('temporal_unavailable', () => temporal.ping());
  // Before the first task: a restored record would permit calls that were made already.
  await guardAgainstOlderRecord({ db, client: temporal.client, logger }, 'atStart');
  const dependencies = {
    config,
    priority,
    db,
    catalogue: await loadStatuses(db),
    providers: await createProviders(config),
    store: await createObjectStore(config),
    logger,
  };
  const worker = await startWorker(config, temporal, dependencies, (error) => {
    logger.fatal({ error: (error as Error).name }, 'the worker ended by itself');
    process.exit(1);
  });
  const { workers, lastTask } = worker;
  const size = FLEET_SIZES[priority];
  addSample(sampleSlots(priority, workers, size));
  health.lives('worker_failed', () => assertNotFailed(workers));
  health.needs('not_polling', () => assertPolling(workers));
  heartbeat.tell(() => readVitals(workers, size, lastTask, temporal));
  addSample(sampleSdk);
  return async () => {
    await worker.stop();
    await heartbeat.stop();
    await temporal.close();
    await db.destroy();
  };
});

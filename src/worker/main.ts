import { parseArgs } from 'node:util';
import { beginCounting } from '../activities/metrics.js';
import { loadStatuses } from '../domain/emails/statuses.js';
import { ensureProviders } from '../domain/provider-health/rows.js';
import { openDatabase } from '../postgres/database.js';
import { assertDurable } from '../postgres/durability.js';
import { isPriority, PRIORITIES } from '../priority.js';
import { NICENESS, stepBack } from '../process/niceness.js';
import { createQuietLog } from '../process/quiet-log.js';
import { runService } from '../process/service.js';
import { createProviders } from '../providers/adapters.js';
import { createObjectStore } from '../storage/index.js';
import { connectTemporal } from '../temporal/connection.js';
import { sampleSdk } from '../temporal/sdk-metrics.js';
import { FLEET_SIZES } from './fleet.js';
import { sampleSlots } from './metrics.js';
import { startWorker } from './worker.js';

const { values } = parseArgs({ options: { priority: { type: 'string' } } });
const { priority } = values;
if (!isPriority(priority)) {
  process.stderr.write(`worker: --priority must be one of ${PRIORITIES.join(', ')}\n`);
  process.exit(1);
}

stepBack(NICENESS[priority]);
beginCounting(priority);
await runService(`worker-${priority}`, async (config, logger, addSample) => {
  const db = openDatabase({ ...config.database, name: `worker-${priority}`, logger: createQuietLog(logger) });
  await assertDurable(db, config.database.asyncReplication);
  await ensureProviders(db);
  const temporal = await connectTemporal(config, logger);
  const dependencies = {
    config,
    priority,
    db,
    catalogue: await loadStatuses(db),
    providers: await createProviders(config),
    store: createObjectStore(config),
    logger,
  };
  const worker = await startWorker(config, temporal, dependencies, (error) => {
    logger.fatal({ error: (error as Error).name }, 'the worker ended by itself');
    process.exit(1);
  });
  addSample(sampleSlots(priority, worker.workers, FLEET_SIZES[priority]));
  addSample(sampleSdk);
  return async () => {
    await worker.stop();
    await temporal.close();
    await db.destroy();
  };
});

import { openDatabase } from '../postgres/database.js';
import { assertDurable } from '../postgres/durability.js';
import { createQuietLog } from '../process/quiet-log.js';
import { runService } from '../process/service.js';
import { connectTemporal } from '../temporal/connection.js';
import { startDispatcher } from './dispatcher.js';
import { serveMetrics } from './metrics.js';

await runService('dispatcher', async (config, logger) => {
  const db = openDatabase({ ...config.database, name: 'dispatcher', logger: createQuietLog(logger) });
  await assertDurable(db, config.database.asyncReplication);
  const temporal = await connectTemporal(config, logger);
  const dispatcher = await startDispatcher(config, db, temporal, logger);
  const stopMetrics = config.metricsPort
    ? await serveMetrics(
        { db, deadlineMs: config.deadlineMs, providers: config.providers, windows: dispatcher.windows },
        config.host,
        config.metricsPort,
      )
    : undefined;
  return async () => {
    await stopMetrics?.();
    await dispatcher.stop();
    await temporal.close();
    await db.destroy();
  };
});

import { heartbeatRow } from '../domain/fleets/heartbeats.js';
import { readScale } from '../domain/fleets/scale.js';
import { openDatabase } from '../postgres/database.js';
import { assertFit } from '../postgres/fit.js';
import { faultOfDatabase } from '../postgres/migrate.js';
import { startHeartbeat } from '../process/heartbeat.js';
import { createQuietLog } from '../process/quiet-log.js';
import { runService } from '../process/service.js';
import { shared } from '../process/shared.js';
import { releaseVersion } from '../process/version.js';
import { connectTemporal } from '../temporal/connection.js';
import { sampleSdk } from '../temporal/sdk-metrics.js';
import { startDispatcher } from './dispatcher.js';
import { MAX_AGE_MS, sampleRecord } from './metrics/sample.js';

await runService('dispatcher', async (config, logger, { addSample, addPage, health }) => {
  const db = openDatabase({ ...config.database, name: 'dispatcher', logger: createQuietLog(logger) });
  health.needs('database_unavailable', () => faultOfDatabase(db));
  const heartbeat = startHeartbeat(
    heartbeatRow(db, { process: 'dispatcher', priority: null, version: releaseVersion() }),
  );
  await assertFit(db, config.database, logger);
  const temporal = await connectTemporal(config, logger);
  health.needs('temporal_unavailable', () => temporal.ping());
  const dispatcher = await startDispatcher(config, db, temporal, logger);
  const { deadlineMs, providers, serviceLevelTarget, inFlightLimit, disk } = config;
  addSample(
    sampleRecord({ db, deadlineMs, providers, serviceLevelTarget, inFlightLimit, disk, windows: dispatcher.windows }),
  );
  addSample(sampleSdk);
  const countScale = () => readScale(db, { deadlineMs, providers, inFlightLimit });
  addPage(
    '/scale',
    shared(async () => ({ as_of: new Date(), priorities: await countScale() }), MAX_AGE_MS),
  );
  return async () => {
    await dispatcher.stop();
    await heartbeat.stop();
    await temporal.close();
    await db.destroy();
  };
});

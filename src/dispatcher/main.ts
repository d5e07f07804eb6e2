import { assertDurable, openDatabase } from '../db/database.js';
import { runService } from '../service.js';
import { connectTemporal } from '../temporal.js';
import { startDispatcher } from './dispatcher.js';

await runService('dispatcher', async (config, logger) => {
  const db = openDatabase({ ...config.database, name: 'dispatcher', logger });
  await assertDurable(db);
  const temporal = await connectTemporal(config);
  const stop = await startDispatcher(config, db, temporal, logger);
  return async () => {
    await stop();
    await temporal.close();
    await db.destroy();
  };
});

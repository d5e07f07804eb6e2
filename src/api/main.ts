import { runService } from '../process/service.js';
import { sampleSdk } from '../temporal/sdk-metrics.js';
import { startApi } from './server.js';

await runService('api', async (config, logger, addSample) => {
  addSample(sampleSdk);
  return (await startApi(config, logger)).stop;
});

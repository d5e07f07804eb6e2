import { runService } from '../process/service.js';
import { sampleSdk } from '../temporal/sdk-metrics.js';
import { API_LIMITS } from './limits.js';
import { startApi } from './server.js';

await runService('api', async (config, logger, { addSample, health }) => {
  addSample(sampleSdk);
  return (await startApi(config, logger, API_LIMITS, health)).stop;
});

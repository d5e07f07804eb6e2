import { NICENESS, stepBack } from '../process/niceness.js';
import { runService } from '../process/service.js';
import { sampleSdk } from '../temporal/sdk-metrics.js';
import { startWebhooks } from './server.js';

stepBack(NICENESS.webhooks);
await runService('webhooks', (config, logger, addSample) => {
  addSample(sampleSdk);
  return startWebhooks(config, logger);
});

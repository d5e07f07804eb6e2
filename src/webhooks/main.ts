import { NICENESS, stepBack } from '../process/niceness.js';
import { runService } from '../process/service.js';
import { sampleSdk } from '../temporal/sdk-metrics.js';
import { WEBHOOK_LIMITS } from './limits.js';
import { startWebhooks } from './server.js';

stepBack(NICENESS.webhooks);
await runService('webhooks', (config, logger, { addSample, health }) => {
  addSample(sampleSdk);
  return startWebhooks(config, logger, WEBHOOK_LIMITS, health);
});

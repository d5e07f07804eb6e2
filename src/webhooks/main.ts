import { NICENESS, stepBack } from '../process/niceness.js';
import { runService } from '../process/service.js';
import { startWebhooks } from './server.js';

stepBack(NICENESS.webhooks);
await runService('webhooks', (config, logger) => startWebhooks(config, logger));

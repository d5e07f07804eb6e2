import { NICENESS, stepBack } from '../niceness.js';
import { runService } from '../service.js';
import { startWebhooks } from './server.js';

stepBack(NICENESS.webhooks);
await runService('webhooks', startWebhooks);

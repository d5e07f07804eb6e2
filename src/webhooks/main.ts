import { runService } from '../service.js';
import { startWebhooks } from './server.js';

await runService('webhooks', startWebhooks);

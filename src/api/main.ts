import { runService } from '../process/service.js';
import { startApi } from './server.js';

await runService('api', async (config, logger) => (await startApi(config, logger)).stop);

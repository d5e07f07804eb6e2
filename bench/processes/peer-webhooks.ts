import { once } from 'node:events';
import { loadConfig } from '../../src/config.js';
import { loadStatuses } from '../../src/domain/emails/statuses.js';
import { createReadiness } from '../../src/http/readiness.js';
import { openDatabase } from '../../src/postgres/database.js';
import { createLogger } from '../../src/process/log.js';
import { createWebhooksApp } from '../../src/webhooks/app.js';
import { WEBHOOK_LIMITS } from '../../src/webhooks/limits.js';
import { loadSources } from '../../src/webhooks/sources.js';

/** Our webhooks service, with nobody to tell: what a webhook says is in the record, and that is the end of it. */
const config = loadConfig();
const logger = createLogger('peer-webhooks', config.logLevel);
const db = openDatabase({ ...config.database, name: 'peer-webhooks', logger });
const catalogue = await loadStatuses(db);
const app = createWebhooksApp({
  sources: await loadSources(config),
  db,
  readiness: createReadiness(async () => undefined),
  catalogue: async () => catalogue,
  notify: () => {},
  logger,
  life: logger,
  limits: WEBHOOK_LIMITS,
});
await once(app.listen(config.webhooksPort, config.host), 'listening');
process.send!('ready');

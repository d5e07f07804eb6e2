import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { type Db, openDatabase } from '../db/database.js';
import { loadStatuses } from '../db/events.js';
import type { StatusCatalogue } from '../db/statuses.js';
import type { Stop } from '../service.js';
import { connectTemporal } from '../temporal.js';
import { createWebhooksApp } from './app.js';
import { createSignaller } from './signaller.js';

/** A provider sends its body at once; a connection that takes longer only holds a place. */
const REQUEST_TIMEOUT_MS = 60_000;
/** How long requests, and then signals, may take to finish when the process is told to stop. */
const REQUEST_GRACE_MS = 10_000;
const SIGNAL_GRACE_MS = 5_000;

/**
 * Starts the webhooks service on `WEBHOOKS_PORT`. It needs neither the database nor Temporal to start: without the one
 * it answers 503 and its readiness fails, without the other signals wait for the dispatcher.
 *
 * @throws when the port cannot be listened on.
 */
export async function startWebhooks(config: Config, logger: Logger): Promise<Stop> {
  const db = openDatabase({ url: config.database.url, poolSize: config.database.poolSize, name: 'webhooks', logger });
  const signaller = createSignaller({ db, connect: () => connectTemporal(config, logger), logger });
  const app = createWebhooksApp({ config, db, catalogue: onceLoaded(db), tell: signaller.tell, logger });
  const server = app.listen(config.webhooksPort, config.host);
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  await once(server, 'listening');
  return async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeIdleConnections();
    await Promise.race([closed, setTimeout(REQUEST_GRACE_MS, undefined, { ref: false })]);
    server.closeAllConnections();
    await signaller.stop(SIGNAL_GRACE_MS);
    await db.destroy();
  };
}

/** Reads the statuses at the first need and keeps them; a failure is not kept. */
function onceLoaded(db: Db): () => Promise<StatusCatalogue> {
  let loaded: Promise<StatusCatalogue> | undefined;
  return () => {
    loaded ??= loadStatuses(db).catch((error) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
}

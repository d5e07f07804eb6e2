import pg from 'pg';
import type { Logger } from 'pino';
import { GIVE_DISPATCHER_SIGN } from '../domain/queue/dispatcher-sign.js';
import { CONTROLS_CHANNEL, QUEUE_CHANNEL } from '../postgres/channels.js';
import { NOTICE_LOST_CLIENT, NOTICE_LOST_SERVER } from '../postgres/lost-peers.js';
import { isPriority, type Priority } from '../priority.js';

/** Listens for accepted e-mails and for switches. Notifications only save time: a missed one is made up for by polling. */
interface Listener {
  stop(): Promise<void>;
}

const RECONNECT_MS = 1_000;

/**
 * Keeps one connection on `LISTEN`, and makes a new one whenever it is lost.
 *
 * @param wake called with the priority of what was accepted, or with none for a switch and after a reconnection.
 */
export function listen(databaseUrl: string, wake: (priority?: Priority) => void, logger: Logger): Listener {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const lost = (dead: pg.Client) => {
    if (stopped || dead !== client) return;
    client = undefined;
    void dead.end().catch(() => {});
    timer = setTimeout(connect, RECONNECT_MS);
  };
  const connect = () => {
    const fresh = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'tempost-dispatcher-listen',
      ...NOTICE_LOST_SERVER,
      options: NOTICE_LOST_CLIENT,
      connectionTimeoutMillis: 5_000,
    });
    client = fresh;
    fresh.on('notification', ({ payload }) => wake(isPriority(payload) ? payload : undefined));
    fresh.on('error', (error) => {
      logger.warn({ code: (error as { code?: string }).code }, 'listening was interrupted');
      lost(fresh);
    });
    fresh.on('end', () => lost(fresh));
    fresh
      .connect()
      .then(() => fresh.query(`listen ${QUEUE_CHANNEL}; listen ${CONTROLS_CHANNEL}; ${GIVE_DISPATCHER_SIGN}`))
      .then(() => wake())
      .catch(() => lost(fresh));
  };
  connect();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await client?.end().catch(() => {});
    },
  };
}

import type { Socket } from 'node:net';
import type pg from 'pg';

/**
 * Has a connection send in one go what it is asked for in one turn of the event loop, rather than statement by
 * statement; what a journey costs, see `transact`.
 */
export function sendTogether(client: pg.PoolClient): void {
  const ask = client.query.bind(client) as (...query: unknown[]) => unknown;
  const { connection } = client as unknown as { connection: { stream: Socket } };
  let corked = false;
  const cork = () => {
    if (corked) return;
    corked = true;
    const { stream } = connection;
    stream.cork();
    process.nextTick(() => {
      corked = false;
      stream.uncork();
    });
  };
  const query = (...query: unknown[]) => {
    cork();
    return ask(...query);
  };
  Object.assign(client, { query });
}

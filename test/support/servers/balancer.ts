import { once } from 'node:events';
import net from 'node:net';
import { joinSockets } from './joined-sockets.js';

/** How often each copy is asked whether it is ready, and how long it may take to say so. */
const ASK_EVERY_MS = 250;
const ANSWER_WITHIN_MS = 1_000;

export interface Balancer {
  close(): Promise<void>;
}

/**
 * What stands before several copies of an HTTP service, as HAProxy or a Kubernetes Service does: each connection goes to
 * the next copy whose `/readyz` answers 200, and on to another one when it cannot be made. While no copy is ready, any
 * gets it, and says so itself. Connections that are there stay with their copy.
 *
 * @param port where clients connect.
 * @param copies the ports of the copies, all on 127.0.0.1.
 */
export async function startBalancer(port: number, copies: readonly number[]): Promise<Balancer> {
  const ready = new Set<number>();
  const sockets = new Set<net.Socket>();
  let turn = 0;
  const server = net.createServer((near) => {
    near.on('error', () => {});
    turn++;
    const order = copies.map((_, n) => copies[(n + turn) % copies.length]!);
    connectToFirst([...order.filter((copy) => ready.has(copy)), ...order.filter((copy) => !ready.has(copy))], near);
  });
  const connectToFirst = ([first, ...others]: readonly number[], near: net.Socket): void => {
    if (first === undefined) return void near.destroy();
    const far = net.connect(first, '127.0.0.1');
    const goOn = () => connectToFirst(others, near);
    far.once('error', goOn);
    far.once('connect', () => {
      far.off('error', goOn);
      joinSockets(near, far, sockets);
    });
  };
  const ask = async (copy: number) => {
    const isReady = await fetch(`http://127.0.0.1:${copy}/readyz`, {
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      headers: { connection: 'close' },
    }).then(
      async (answer) => {
        await answer.body?.cancel();
        return answer.ok;
      },
      () => false,
    );
    if (isReady) ready.add(copy);
    else ready.delete(copy);
  };
  const asking = setInterval(() => void Promise.all(copies.map(ask)), ASK_EVERY_MS);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    async close() {
      clearInterval(asking);
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

import { once } from 'node:events';
import net from 'node:net';
import { joinSockets } from './joined-sockets.js';

/** How often each copy is asked whether it is ready, and how long it may take to say so. */
const ASK_EVERY_MS = 250;
const ANSWER_WITHIN_MS = 1_000;

export interface Balancer {
  close(): Promise<void>;
}

/** Where something listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Stands before copies of a service on this machine; see `balance`. */
export function startBalancer(port: number, copies: readonly number[]): Promise<Balancer> {
  const here = (port: number): Address => ({ host: '127.0.0.1', port });
  return balance(here(port), copies.map(here));
}

/**
 * What stands before several copies of an HTTP service, as HAProxy or a Kubernetes Service does: each connection goes to
 * the next copy whose `/readyz` answers 200, and on to another one when it cannot be made. While no copy is ready, any
 * gets it, and says so itself. Connections that are there stay with their copy.
 *
 * @param at where clients connect.
 */
export async function balance(at: Address, copies: readonly Address[]): Promise<Balancer> {
  const ready = new Set<Address>();
  const sockets = new Set<net.Socket>();
  let turn = 0;
  const server = net.createServer((near) => {
    near.on('error', () => {});
    turn++;
    const order = copies.map((_, n) => copies[(n + turn) % copies.length]!);
    connectToFirst([...order.filter((copy) => ready.has(copy)), ...order.filter((copy) => !ready.has(copy))], near);
  });
  const connectToFirst = ([first, ...others]: readonly Address[], near: net.Socket): void => {
    if (first === undefined) return void near.destroy();
    const far = net.connect(first.port, first.host);
    const goOn = () => connectToFirst(others, near);
    far.once('error', goOn);
    far.once('connect', () => {
      far.off('error', goOn);
      joinSockets(near, far, sockets);
    });
  };
  const ask = async (copy: Address) => {
    const isReady = await fetch(`http://${copy.host}:${copy.port}/readyz`, {
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
  server.listen(at.port, at.host);
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

import { once } from 'node:events';
import net from 'node:net';
import { joinSockets } from '../test/support/servers/joined-sockets.js';

/** A TCP port in front of a server, which can be closed for real: connections are refused, open ones are cut. */
export interface Wire {
  readonly port: number;
  close(): Promise<void>;
  open(): Promise<void>;
}

/** @param targetPort asked at each connection: the server may get its port later than the wire. */
export async function openWire(targetPort: () => number): Promise<Wire> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((near) => {
    const far = net.connect(targetPort(), '127.0.0.1');
    joinSockets(near, far, sockets);
  });
  const open = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as net.AddressInfo).port;
  };
  const port = await open(0);
  return {
    port,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async open() {
      await open(port);
    },
  };
}

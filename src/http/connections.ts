import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Bounds a server's connections without ever refusing one: beyond the bound the one is closed that has been of no use
 * for the longest, neither opened nor answered with a success. So connections that only stand there keep nobody out.
 * Addresses are not counted: behind a load balancer all connections come from the same.
 */
export function boundConnections(server: Server, most: number): void {
  /** Who was of use last is last. */
  const sockets = new Set<Socket>();
  const touch = (socket: Socket) => {
    if (sockets.delete(socket)) sockets.add(socket);
  };
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (sockets.size <= most) return;
    const [idlest] = sockets;
    sockets.delete(idlest!);
    idlest!.destroy();
  });
  server.on('request', (request, response) => {
    response.once('finish', () => {
      if (response.statusCode < 400) touch(request.socket);
    });
  });
}

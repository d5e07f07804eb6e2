import type net from 'node:net';

/** Passes on what each of two sockets says to the other, and ends both with the first. `sockets`: those that are open. */
export function joinSockets(near: net.Socket, far: net.Socket, sockets: Set<net.Socket>): void {
  for (const [one, other] of [[near, far] as const, [far, near] as const]) {
    sockets.add(one);
    one.on('error', () => {});
    one.on('close', () => {
      sockets.delete(one);
      other.destroy();
    });
    one.pipe(other);
  }
}

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Handed out by this process, and perhaps not in use yet. */
const given = new Set<number>();

/** Whether a process could listen on this port now. */
export async function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false);
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** So many different loopback ports that nobody listens on at this moment. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}

/**
 * A loopback port nobody listens on at this moment; another process may take it before its user does. It is below those
 * that a kernel gives to connections (from 32768 on Linux, 49152 elsewhere), one of which could be in its place when a
 * killed server is started again.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1_000; tries++) {
    const port = randomInt(20_000, 32_768);
    if (given.has(port) || !(await isPortFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error('No free port on 127.0.0.1.');
}

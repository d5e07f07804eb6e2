import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { closeServer, createServer, listen } from './server.js';

const MB = 1024 * 1024;
const ANSWER = Buffer.alloc(30 * MB, 'x');
const LIMITS = { headersMs: 10_000, requestMs: 10_000, connections: 100 };

let server: ReturnType<typeof createServer> | undefined;
afterEach(async () => {
  if (server) await closeServer(server, { drainMs: 0, graceMs: 0 });
});

async function serve(limits: { answerMs: number; answerBytesPerS: number }): Promise<number> {
  server = createServer({ ...LIMITS, ...limits }, (_request, response) => response.end(ANSWER));
  return listen(server, 0, '127.0.0.1');
}
const connections = () => new Promise<number>((resolve) => server!.getConnections((_, count) => resolve(count)));

it('an answer that nobody reads is given up, with its connection', async () => {
  const port = await serve({ answerMs: 200, answerBytesPerS: 300 * MB });
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  // Once it has begun to answer, nothing is read of it.
  await once(socket, 'readable');
  await expect.poll(connections).toBe(0);
  socket.destroy();
});

it('one that is read arrives whole', async () => {
  const port = await serve({ answerMs: 60_000, answerBytesPerS: MB });
  for (let count = 0; count < 2; count++) {
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    expect((await answer.arrayBuffer()).byteLength).toBe(ANSWER.length);
  }
});

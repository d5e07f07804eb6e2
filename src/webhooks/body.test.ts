import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Problem } from '../http/problem.js';
import { WholeBody } from '../providers/webhook-format/body-sink.js';
import { Bodies } from './body.js';
import { WEBHOOK_LIMITS } from './limits.js';

const LIMIT_BYTES = 100_000;

/** What became of each body, in the order in which they ended. */
const outcomes: string[] = [];
let server: Server;
let port: number;
beforeAll(async () => {
  const bodies = new Bodies({
    ...WEBHOOK_LIMITS,
    smallBytes: 10_000,
    smallBudgetBytes: 30_000,
    largeBudgetBytes: 150_000,
    patienceMs: 1_000,
  });
  server = createServer(async (request, response) => {
    const sink = new WholeBody();
    const outcome = await bodies
      .read(request, LIMIT_BYTES, sink, async () => `${sink.bytes().length} bytes`)
      .catch((error: Problem) => error.code);
    outcomes.push(outcome);
    response.end(outcome);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const post = async (sizeBytes: number) =>
  (await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: Buffer.alloc(sizeBytes) })).text();

/** Announces a body and sends only the beginning of it. */
async function begin(announcedBytes: number, sentBytes: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${announcedBytes}\r\n\r\n`);
  socket.write(Buffer.alloc(sentBytes));
  return socket;
}

it('a body is read whole up to its limit', async () => {
  expect(await post(0)).toBe('0 bytes');
  expect(await post(LIMIT_BYTES)).toBe(`${LIMIT_BYTES} bytes`);
  expect(await post(LIMIT_BYTES + 1)).toBe('body_too_large');
});

it('one whose length was not announced is no exception', async () => {
  const postChunked = async (pieces: number) => {
    async function* body() {
      for (let n = 0; n < pieces; n++) yield new Uint8Array(10_000);
    }
    return (await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: body(), duplex: 'half' } as never)).text();
  };
  expect(await postChunked(10)).toBe(`${LIMIT_BYTES} bytes`);
  expect(await postChunked(11)).toBe('body_too_large');
});

it('a body that ends half-way is told apart, and what was held for it is released', async () => {
  const socket = await begin(90_000, 80_000);
  socket.end();
  await expect.poll(() => outcomes).toContain('incomplete_body');
  expect(await post(LIMIT_BYTES)).toBe(`${LIMIT_BYTES} bytes`);
});

it('all bodies together are bounded, and who stalls makes room for who comes', async () => {
  const stalled = await Promise.all([begin(90_000, 70_000), begin(90_000, 70_000)]);
  let told = '';
  for (const socket of stalled) socket.on('data', (piece) => (told += piece));
  // At first they are given the time that a body may need; then the older one goes.
  const postAndLook = async () => {
    await post(90_000);
    return told;
  };
  await expect.poll(postAndLook).toContain('too_many_bodies');
  await expect.poll(() => post(90_000)).toBe('90000 bytes');
  // Small ones never had to wait for them.
  expect(await post(10_000)).toBe('10000 bytes');
  for (const socket of stalled) socket.destroy();
});

import { createServer, type Server } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { freePort } from '../ports.js';
import { until } from '../until.js';
import { startBalancer } from './balancer.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A service that tells its name, and whether it is ready. */
async function copy(name: string, ready: boolean): Promise<{ port: number; server: Server; ready: boolean }> {
  const port = await freePort();
  const service = {
    port,
    ready,
    server: createServer((request, answer) => {
      answer.statusCode = request.url === '/readyz' && !service.ready ? 503 : 200;
      answer.end(name);
    }),
  };
  await new Promise<void>((resolve) => service.server.listen(port, '127.0.0.1', resolve));
  ends.push(() => {
    service.server.closeAllConnections();
    service.server.close();
  });
  return service;
}

async function balanced(ready = true) {
  const [a, b] = [await copy('a', ready), await copy('b', ready)];
  const port = await freePort();
  const balancer = await startBalancer(port, [a.port, b.port]);
  ends.push(() => balancer.close());
  const asked = async () => (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text();
  const answersOf = async (times: number) => {
    const answers: string[] = [];
    for (let n = 0; n < times; n++) answers.push(await asked());
    return answers;
  };
  await until('both are in turn', async () => new Set(await answersOf(4)).size === 2);
  return { a, b, answersOf };
}

it('leads connections to the copies in turn, and away from one that is not ready until it is again', async () => {
  const { a, answersOf } = await balanced();
  a.ready = false;
  await until('only b answers', async () => (await answersOf(4)).join('') === 'bbbb');
  a.ready = true;
  await until('both answer', async () => new Set(await answersOf(4)).size === 2);
});

it('goes on to another copy when one is gone, before it has asked', async () => {
  const { a, answersOf } = await balanced();
  a.server.closeAllConnections();
  a.server.close();
  expect(await answersOf(4)).toEqual(['b', 'b', 'b', 'b']);
});

it('lets the copies say themselves that none is ready', async () => {
  const { answersOf } = await balanced(false);
  expect(new Set(await answersOf(4)).size).toBe(2);
});

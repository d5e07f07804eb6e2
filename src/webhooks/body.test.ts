import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Problem } from '../http/problem.js';
import { readBody, readForm } from './body.js';
import { NotUnderstoodError } from './normalise.js';

const LIMIT_BYTES = 100_000;
const BUDGET_BYTES = 150_000;

/** What became of each body, in the order in which they ended. */
const outcomes: string[] = [];
let server: Server;
let port: number;
beforeAll(async () => {
  server = createServer(async (request, response) => {
    const outcome = await readBody(request, LIMIT_BYTES, BUDGET_BYTES).then(
      (body) => `${body.length} bytes`,
      (error: Problem) => {
        response.setHeaders(new Map(Object.entries(error.headers)));
        return error.code;
      },
    );
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

it('a body that ends half-way is told apart, and what was held for it is released', async () => {
  const socket = await begin(90_000, 80_000);
  socket.end();
  await expect.poll(() => outcomes).toContain('body_incomplete');
  expect(await post(LIMIT_BYTES)).toBe(`${LIMIT_BYTES} bytes`);
});

it('all bodies together are bounded: who comes while they fill the memory is asked to come again', async () => {
  const socket = await begin(90_000, 80_000);
  await expect.poll(() => post(90_000)).toBe('too_many_bodies');
  expect(await post(10_000)).toBe('10000 bytes');
  socket.write(Buffer.alloc(10_000));
  await once(socket, 'data');
  socket.destroy();
  expect(outcomes).toContain('90000 bytes');
  expect(await post(90_000)).toBe('90000 bytes');
});

it('who sends without end is answered and cut off', async () => {
  const socket = await begin(1024 * 1024 * 1024, 0);
  const piece = Buffer.alloc(1024 * 1024);
  const goOn = () => socket.write(piece, (error) => error ?? setImmediate(goOn));
  goOn();
  // Not `once`: the end may come as an error first.
  await new Promise((resolve) => socket.on('close', resolve));
  expect(socket.bytesWritten).toBeLessThan(200 * 1024 * 1024);
});

it('a form gives its fields in order, without files', async () => {
  const form = new FormData();
  form.set('b', '2');
  form.set('file', new Blob(['x']), 'x.txt');
  form.set('a', 'ü&=+ %');
  const response = new Response(form);
  const media = response.headers.get('content-type') ?? '';
  const fields = [
    ['b', '2'],
    ['a', 'ü&=+ %'],
  ];
  expect(await readForm(Buffer.from(await response.arrayBuffer()), media)).toEqual(fields);
  const encoded = Buffer.from('b=2&a=%C3%BC%26%3D%2B+%25');
  expect(await readForm(encoded, 'application/x-www-form-urlencoded; charset=UTF-8')).toEqual(fields);
  await expect(readForm(encoded, 'application/json')).rejects.toThrow(NotUnderstoodError);
});

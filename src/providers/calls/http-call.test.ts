import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { bodyOf, type ScriptedServer, startHttp, startRelay } from '../../../test/support/servers/scripted-servers.js';
import { createHttpCaller } from './http-call.js';

const servers: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function serve(...options: Parameters<typeof startHttp>): Promise<ScriptedServer> {
  const server = await startHttp(...options);
  servers.push(server);
  return server;
}

const call = createHttpCaller();
const post = (url: string, body = Buffer.from('x'), signal = new AbortController().signal) =>
  call({ method: 'POST', url, headers: {}, body }, signal);

/** What fits no socket buffer, so that most of it is still ours to hold back. */
const LARGE = Buffer.alloc(18 * 1024 * 1024);
/** Far above what a receiver's kernel takes before anyone reads, far below what a sender's would deliver after a close. */
const BUFFERED_BYTES = 2 * 1024 * 1024;

describe('one call', () => {
  test('hands over status, headers and body', async () => {
    const server = await serve(async (request, response) => {
      response.writeHead(429, { 'retry-after': '7' }).end(`${request.method} ${await bodyOf(request)}`);
    });
    const answer = await post(server.url);
    expect(answer).toMatchObject({ kind: 'answered', status: 429, body: 'POST x', headers: { 'retry-after': '7' } });
  });

  test('shares a connection with the next call', async () => {
    const server = await serve(async (request, response) => {
      await bodyOf(request);
      response.end('ok');
    });
    await post(server.url);
    await post(server.url);
    expect(server.connections).toHaveLength(1);
  });

  test('does not follow a redirect', async () => {
    let requests = 0;
    const server = await serve((_, response) => {
      requests += 1;
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    expect(await post(server.url)).toMatchObject({ kind: 'answered', status: 307 });
    expect(requests).toBe(1);
  });

  test('takes an answer that comes before the request was read, and stops sending', async () => {
    const server = await serve((_, response) => {
      response.writeHead(413, { connection: 'close' }).end('too large');
    });
    expect(await post(server.url, LARGE)).toMatchObject({ kind: 'answered', status: 413 });
    await server.allClosed();
    expect(server.connections[0]?.bytesRead).toBeLessThan(BUFFERED_BYTES);
  });

  test('an answer that breaks off is no answer', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"id":', () => response.destroy());
    });
    expect(await post(server.url)).toMatchObject({ kind: 'broken', begun: true });
  });

  test('an endless answer is cut off', async () => {
    const server = await serve((_, response) => {
      const more = () => response.write(Buffer.alloc(64 * 1024), (error) => error || setImmediate(more));
      more();
    });
    expect(await post(server.url)).toEqual({ kind: 'broken', code: 'answer_too_large', begun: true });
  });
});

describe('before the first byte', () => {
  test('a refused connection has not begun', async () => {
    const server = await serve(() => {});
    await server.stop();
    expect(await post(server.url)).toEqual({ kind: 'broken', code: 'ECONNREFUSED', begun: false });
  });

  test('an unknown host has not begun', async () => {
    expect(await post('http://nobody.invalid')).toMatchObject({ kind: 'broken', begun: false });
  });

  test('a certificate that is not trusted has not begun', async () => {
    const server = await serve(() => expect.unreachable(), { secure: true });
    expect(await post(server.url)).toMatchObject({ kind: 'broken', begun: false });
  });

  test('a TLS handshake that hangs has not begun when the signal aborts', async () => {
    const mute = net.createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const connected = once(mute, 'connection') as Promise<[net.Socket]>;
    const controller = new AbortController();
    const outcome = post(`https://127.0.0.1:${(mute.address() as AddressInfo).port}`, LARGE, controller.signal);
    const [socket] = await connected;
    controller.abort();
    expect(await outcome).toEqual({ kind: 'broken', code: 'timeout', begun: false });
    await new Promise((resolve) => socket.once('close', resolve).resume());
    mute.close();
  });

  test('an aborted signal makes no connection', async () => {
    const server = await serve(() => expect.unreachable());
    const outcome = await post(server.url, LARGE, AbortSignal.abort());
    expect(outcome).toEqual({ kind: 'broken', code: 'timeout', begun: false });
    expect(server.connections).toHaveLength(0);
  });
});

describe.each(['http', 'https'])('an abort over %s', (scheme) => {
  const secure = scheme === 'https';

  test('while no answer comes resets the connection', async () => {
    if (secure) trustAnyone();
    const controller = new AbortController();
    const server = await serve((request) => request.resume().once('end', () => controller.abort()), { secure });
    const relay = await startRelay(server.port, scheme);
    servers.push(relay);
    const outcome = await post(relay.url, Buffer.from('x'), controller.signal);
    expect(outcome).toEqual({ kind: 'broken', code: 'timeout', begun: true });
    await relay.allClosed();
    expect(relay.errors).toContain('ECONNRESET');
  });

  test('while the message is read slowly lets not one more byte out', async () => {
    if (secure) trustAnyone();
    const controller = new AbortController();
    let resume = () => {};
    const server = await serve(
      (request) => {
        resume = () => request.on('error', () => {}).resume();
        controller.abort();
      },
      { secure },
    );
    expect(await post(server.url, LARGE, controller.signal)).toMatchObject({ kind: 'broken', begun: true });
    resume();
    await server.allClosed();
    expect(server.connections[0]?.bytesRead).toBeLessThan(BUFFERED_BYTES);
  });

  test('leaves nothing behind that a later call could meet', async () => {
    if (secure) trustAnyone();
    const controller = new AbortController();
    const server = await serve(
      (request, response) => {
        if (request.url === '/hang') controller.abort();
        else request.resume().once('end', () => response.end('ok'));
      },
      { secure },
    );
    await post(server.url);
    await post(`${server.url}/hang`, Buffer.from('x'), controller.signal);
    expect(await post(server.url)).toMatchObject({ kind: 'answered', status: 200 });
    expect(server.connections).toHaveLength(2);
  });
});

/** The test server's certificate is nobody's; Node reads this when it connects. */
function trustAnyone() {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
}

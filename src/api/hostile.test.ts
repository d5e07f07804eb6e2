import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openConnection, sendForm, sendWithoutEnd, startTestApi, type TestApi } from '../../test/support/api.js';
import { insertAttempts } from '../../test/support/dead.js';
import { holdEmail } from '../../test/support/emails.js';

const MB = 1024 * 1024;

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

/** The head of a request that announces JSON. */
const head = (method: string, path: string, contentLength: number, key = api.client.key) =>
  [
    `${method} ${path} HTTP/1.1`,
    'Host: x',
    `Authorization: Bearer ${key}`,
    'Content-Type: application/json',
    `Content-Length: ${contentLength}`,
    '\r\n',
  ].join('\r\n');

describe('a body without end', () => {
  it.each([
    ['that is read', 'POST', '/api/email/019a0000-0000-7000-8000-000000000000/retry', undefined],
    ['of nobody', 'POST', '/api/send', 'nobody'],
    ['that nothing reads', 'GET', '/healthz', undefined],
    ['for no address', 'POST', '/nowhere', undefined],
  ])('%s is answered and cut off', async (_name, method, path, key) => {
    expect(await sendWithoutEnd(api.port, head(method, path, 1024 * MB, key))).toBeLessThan(200 * MB);
  });

  it('is answered 413 at once when it is too large for JSON', async () => {
    const { socket, answer } = await openConnection(api.port);
    socket.write(head('POST', '/api/email/019a0000-0000-7000-8000-000000000000/retry', MB));
    socket.write(Buffer.alloc(100_000, ' '));
    expect(
      await Promise.race([new Promise((resolve) => socket.once('data', (it) => resolve(String(it)))), answer]),
    ).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  it('is answered 408 when it is JSON and stops coming', async () => {
    const { socket, answer } = await openConnection(api.port);
    socket.write(`${head('POST', '/api/email/019a0000-0000-7000-8000-000000000000/retry', 100)}{`);
    expect(await answer).toMatch(/^HTTP\/1.1 408 .*"code":"upload_too_slow"/s);
  });
});

describe('pixels', () => {
  it('never take all connections: submissions go on while opens wait for one e-mail', async () => {
    const { id } = (await (await api.send(sendForm())).json()) as { id: string };
    await insertAttempts(api.db, id, [{ provider: 'smtp', state: 'accepted' }]);
    const letGo = await holdEmail(api.db, id);
    const pixels = Array.from({ length: 50 }, () => fetch(`${api.url}/api/email/${id}/open`));
    try {
      for (let n = 0; n < 3; n++) expect((await api.send(sendForm())).status).toBe(200);
    } finally {
      await letGo();
    }
    expect((await Promise.all(pixels)).map(({ status }) => status)).toEqual(Array(50).fill(200));
  });
});

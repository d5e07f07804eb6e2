import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BOUNDARY,
  expectNothingStored,
  openConnection,
  postRaw,
  requestHead,
  sendForm,
  startTestApi,
  type TestApi,
} from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';
import { expectRefused } from '../../../test/support/refused.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

describe('what is too large: 413, nothing stored', () => {
  const MB = 1024 * 1024;

  it('an attachment one byte over 18 MB', async () => {
    const response = await api.send(sendForm({}, new Blob([new Uint8Array(18 * MB + 1)])));
    await expectRefused(api.db, response, 413, 'too_large');
  });

  it('a body whose length says so at once', async () => {
    const { socket } = await openConnection(api.port);
    const answer = once(socket, 'data');
    // Not a byte of the body is sent: the answer does not wait for it.
    socket.write(requestHead(api, 40 * MB));
    expect(String(await answer)).toMatch(/^HTTP\/1.1 413 .*"code":"too_large"/s);
    socket.destroy();
    await expectNothingStored(api.db);
  });

  it('a body of unannounced length that does not end', async () => {
    const { socket } = await openConnection(api.port);
    const answer = once(socket, 'data');
    const head = requestHead(api, 0).replace('Content-Length: 0', 'Transfer-Encoding: chunked');
    const begin = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="attachment"; filename="a"\r\n\r\n`;
    socket.write(`${head}${begin.length.toString(16)}\r\n${begin}\r\n`);
    const piece = Buffer.from(`100000\r\n${'x'.repeat(MB)}\r\n`);
    const goOn = () => socket.write(piece, (error) => error ?? setImmediate(goOn));
    goOn();
    expect(String(await answer)).toMatch(/^HTTP\/1.1 413 .*"code":"too_large"/s);
    socket.destroy();
    await expectNothingStored(api.db);
  });

  it('a content over 5 MB', async () => {
    const response = await api.send(sendForm({ content: 'c'.repeat(5 * MB + 1) }));
    await expectRefused(api.db, response, 413, 'too_large');
  });

  it('content and attachment that no provider takes together', async () => {
    const form = sendForm({ content: 'c'.repeat(2 * MB) }, new Blob([new Uint8Array(16 * MB)]));
    await expectRefused(api.db, await api.send(form), 413, 'too_large');
  });
});

describe('who and what is refused before anything is read', () => {
  it.each([
    'application/json; charset=latin1',
    'application/jsonp',
    'application/x-www-form-urlencoded',
    'multipart/mixed; boundary=x',
    'text/plain',
  ])('%s: 415', async (contentType) => {
    const response = await postRaw(api, '{"sender":"a@example.com"}', { 'Content-Type': contentType });
    await expectRefused(api.db, response, 415, 'unsupported_media_type');
  });

  it('no key: 401 with a challenge', async () => {
    const response = await fetch(`${api.url}/api/send`, { method: 'POST', body: sendForm() });
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="tempost"');
    await expectRefused(api.db, response, 401, 'missing_api_key');
  });

  it.each(['Bearer wrong-key', 'Basic dXNlcjprZXk=', 'Bearer'])('%s: 401 with a challenge', async (authorization) => {
    const response = await api.send(sendForm(), { Authorization: authorization });
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer realm="tempost"/);
    await expectRefused(
      api.db,
      response,
      401,
      authorization === 'Bearer wrong-key' ? 'invalid_api_key' : 'missing_api_key',
    );
  });

  it('a revoked key: 401', async () => {
    const { id, key } = await insertClient(api.db);
    await api.db.updateTable('api_keys').set({ revoked_at: new Date() }).where('client_id', '=', id).execute();
    const response = await api.send(sendForm(), { Authorization: `Bearer ${key}` });
    await expectRefused(api.db, response, 401, 'invalid_api_key');
  });

  it('a disabled client: 403', async () => {
    const { id, key } = await insertClient(api.db);
    await api.db.updateTable('clients').set({ disabled_at: new Date() }).where('id', '=', id).execute();
    const response = await api.send(sendForm(), { Authorization: `Bearer ${key}` });
    await expectRefused(api.db, response, 403, 'client_disabled');
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectNothingStored,
  file,
  multipart,
  openConnection,
  type RawConnection,
  requestHead,
  sendForm,
  startTestApi,
  storedRows,
  type TestApi,
  VALID_PARTS,
} from '../../../test/support/api.js';
import { patient } from '../../../test/support/patience.js';

/** Fifty is more than the connections of both pools together: had each slow client one, nobody else would get any. */
const SLOW_CLIENTS = 50;

/** Begins a submission with an attachment, far enough that a chunk is stored, and goes on with a byte a second. */
async function beginSlowly(api: TestApi): Promise<RawConnection & { stop(): void }> {
  const body = multipart([...VALID_PARTS, file('a.pdf', Buffer.alloc(900_000, 1))]);
  const connection = await openConnection(api.port);
  connection.socket.write(requestHead(api, body.length));
  let sent = 400_000;
  connection.socket.write(body.subarray(0, sent));
  const drip = setInterval(() => connection.socket.write(body.subarray(sent, ++sent)), 1000);
  const stop = () => {
    clearInterval(drip);
    connection.socket.destroy();
  };
  connection.answer.then(() => clearInterval(drip));
  return { ...connection, stop };
}

const chunkCount = async (api: TestApi) => (await storedRows(api.db)).attachment_chunks;
const patiently = { timeout: patient(20_000) };

describe('fifty clients that send a byte a second', () => {
  let api: TestApi;
  beforeAll(async () => {
    // They must not be sent away before we have looked.
    api = await startTestApi({ progressWindowMs: patient(100_000) });
  });
  afterAll(() => api.stop());

  it('do not hold up a normal submission, and leave nothing when they go', async () => {
    const slow = await Promise.all(Array.from({ length: SLOW_CLIENTS }, () => beginSlowly(api)));
    await expect.poll(() => chunkCount(api), patiently).toBe(SLOW_CLIENTS);
    const attachment = new Blob([new Uint8Array(3_000_000)]);
    const responses = await Promise.all(Array.from({ length: 10 }, () => api.send(sendForm({}, attachment))));
    expect(responses.map((response) => response.status)).toEqual(Array(10).fill(200));
    // All of them were there the whole time.
    expect(slow.filter(({ socket }) => socket.destroyed || socket.readableEnded)).toEqual([]);
    for (const client of slow) client.stop();
    await expect.poll(() => chunkCount(api), patiently).toBe(10 * 12);
  });
});

describe('a client that is too slow', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi({ progressWindowMs: patient(2_000), progressBytes: 1024, concurrentUploads: 4 });
  });
  afterAll(() => api.stop());

  it('is answered 408 and its place is free again', async () => {
    const slow = await Promise.all([beginSlowly(api), beginSlowly(api)]);
    await expect.poll(() => chunkCount(api), patiently).toBe(2);
    // Both places that one client may have are taken.
    const refused = await api.send(sendForm({}, new Blob(['hello'])));
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('5');
    for (const { answer } of slow) {
      expect(await answer).toMatch(/^HTTP\/1.1 408 .*connection: close.*"code":"upload_too_slow"/is);
    }
    await expectNothingStored(api.db);
    expect((await api.send(sendForm())).status).toBe(200);
  });
});

describe('a client that never finishes', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi({ uploadTimeoutMs: patient(500), headersTimeoutMs: patient(500) });
  });
  afterAll(() => api.stop());

  it('is answered 408 when its body takes too long', async () => {
    const { answer } = await beginSlowly(api);
    expect(await answer).toMatch(/^HTTP\/1.1 408 .*"code":"upload_too_slow"/s);
    await expectNothingStored(api.db);
  });

  it('is answered 408 when its headers take too long', async () => {
    const { socket, answer } = await openConnection(api.port);
    socket.write('POST /api/send HTTP/1.1\r\nHost: x\r\n');
    expect(await answer).toMatch(/^HTTP\/1.1 408 .*"code":"request_timeout"/s);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  file,
  multipart,
  openConnection,
  requestHead,
  sendForm,
  startTestApi,
  type TestApi,
  VALID_PARTS,
} from '../../../test/support/api.js';
import { insertClient, type TestClient } from '../../../test/support/database.js';
import { patient } from '../../../test/support/patience.js';
import { API_LIMITS } from '../limits.js';

const KB = 1024;

/** Begins a submission and goes on with 2 KB a second. */
async function trickle(api: TestApi, client: TestClient, parts = VALID_PARTS, beginBytes = 300 * KB) {
  const body = multipart([...parts, file('slow.bin', Buffer.alloc(2_000 * KB, 1))]);
  const { socket, answer } = await openConnection(api.port);
  socket.write(requestHead({ ...api, client }, body.length));
  let sent = beginBytes;
  socket.write(body.subarray(0, sent));
  const drip = setInterval(() => {
    socket.write(body.subarray(sent, sent + 2 * KB));
    sent += 2 * KB;
  }, patient(1_000));
  let heard = '';
  socket.on('data', (piece: Buffer) => {
    heard += piece;
  });
  socket.on('close', () => clearInterval(drip));
  return { answer, heard: () => heard, stop: () => socket.destroy() };
}

const submit = (api: TestApi, client: TestClient, attachment?: Blob) =>
  api.send(sendForm({ priority: 'critical' }, attachment), { Authorization: `Bearer ${client.key}` });

/** Nobody is given up for being slow before the test is over, however slow the machine is. */
const TAKE_YOUR_TIME = { progressWindowMs: patient(300_000), uploadTimeoutMs: patient(300_000) };

describe('a client that keeps 150 uploads slow', () => {
  let api: TestApi;
  let greedy: TestClient;
  let other: TestClient;
  beforeAll(async () => {
    api = await startTestApi(TAKE_YOUR_TIME);
    [greedy, other] = [await insertClient(api.db), await insertClient(api.db)];
  });
  afterAll(() => api.stop());

  it('has 100 of 200 places and no more, keeps out nobody else, and gives them back', {
    timeout: patient(60_000),
  }, async () => {
    expect(API_LIMITS.concurrentUploads).toBe(200);
    const slow = await Promise.all(Array.from({ length: 150 }, () => trickle(api, greedy)));
    const refused = () => slow.filter(({ heard }) => heard().includes('"code":"too_many_uploads"')).length;
    await expect.poll(refused).toBe(50);

    const small = new Blob([new Uint8Array(20 * KB)]);
    const [bare, attached]: number[][] = [[], []];
    for (let count = 0; count < 43; count++) {
      bare!.push((await submit(api, other)).status);
      attached!.push((await submit(api, other, small)).status);
    }
    expect(bare).toEqual(Array(43).fill(200));
    expect(attached).toEqual(Array(43).fill(200));
    // Its own e-mails without an attachment need no place either.
    expect((await submit(api, greedy)).status).toBe(200);
    expect((await submit(api, greedy, small)).status).toBe(503);
    for (const { stop } of slow) stop();
    await expect.poll(async () => (await submit(api, greedy, small)).status).toBe(200);
  });
});

describe('a client whose uploads fill its places', () => {
  let api: TestApi;
  let greedy: TestClient;
  beforeAll(async () => {
    api = await startTestApi();
    greedy = await insertClient(api.db);
  });
  afterAll(() => api.stop());

  it('loses them when they come too slowly, though they began well', { timeout: patient(60_000) }, async () => {
    // Ten seconds at 2 KB a second are too little.
    const slow = await Promise.all(Array.from({ length: 100 }, () => trickle(api, greedy)));
    const tooSlow = () => slow.filter(({ heard }) => heard().includes('"code":"upload_too_slow"')).length;
    await expect.poll(tooSlow, { timeout: patient(40_000) }).toBe(100);
    expect((await submit(api, greedy, new Blob([new Uint8Array(20 * KB)]))).status).toBe(200);
  });
});

describe('a client that keeps contents slow', () => {
  let api: TestApi;
  beforeAll(async () => {
    // Room for 4 MB of fields, and for 40 bodies.
    api = await startTestApi({ ...TAKE_YOUR_TIME, fieldBytes: 4 * 1024 * KB, concurrentBodies: 40 });
  });
  afterAll(() => api.stop());

  it('has half of the memory for them, and leaves the other half to others', async () => {
    const [greedy, other] = [await insertClient(api.db), await insertClient(api.db)];
    const long = [{ disposition: 'form-data; name="metadata"', body: Buffer.alloc(500 * KB, 'x') }];
    const slow = await Promise.all(Array.from({ length: 8 }, () => trickle(api, greedy, long, 490 * KB)));
    const refused = () => slow.filter(({ heard }) => heard().includes('"code":"too_many_uploads"')).length;
    await expect.poll(refused).toBe(4);
    const content = 'x'.repeat(900 * KB);
    const answer = await api.send(sendForm({ content }), { Authorization: `Bearer ${other.key}` });
    expect(answer.status).toBe(200);
    for (const { stop } of slow) stop();
    await expect.poll(async () => (await submit(api, greedy)).status).toBe(200);
  });

  it('has half of the bodies, and gives back what it had', async () => {
    const [greedy, other] = [await insertClient(api.db), await insertClient(api.db)];
    const slow = await Promise.all(Array.from({ length: 30 }, () => trickle(api, greedy, VALID_PARTS, 100)));
    const refused = () => slow.filter(({ heard }) => heard().includes('"code":"too_many_uploads"')).length;
    await expect.poll(refused).toBe(10);
    expect((await submit(api, other)).status).toBe(200);
    expect((await submit(api, greedy)).status).toBe(503);
    for (const { stop } of slow) stop();
    await expect.poll(async () => (await submit(api, greedy)).status).toBe(200);
  });
});

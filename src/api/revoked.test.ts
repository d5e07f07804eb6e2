import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectNothingStored,
  file,
  multipart,
  openConnection,
  requestHead,
  sendForm,
  startTestApi,
  storedRows,
  type TestApi,
  VALID_PARTS,
} from '../../test/support/api.js';
import { insertClient, type TestClient } from '../../test/support/database.js';
import { answerOf } from '../../test/support/record.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const revoke = ({ key }: TestClient) =>
  api.db
    .updateTable('api_keys')
    .set({ revoked_at: sql<Date>`now()` })
    .where('key_hash', '=', createHash('sha256').update(key).digest())
    .execute();
const disable = ({ id }: TestClient) =>
  api.db.updateTable('clients').set({ disabled_at: sql<Date>`now()` }).where('id', '=', id).execute();

describe('a submission that began before its key was taken away', () => {
  /** Sends all but the end of a form, with a chunk of its attachment stored; `end` sends the rest. */
  async function begin(client: TestClient) {
    const body = multipart([...VALID_PARTS, file('a.bin', Buffer.alloc(600_000, 1))]);
    const { socket, answer } = await openConnection(api.port);
    socket.write(requestHead({ ...api, client }, body.length).replace('Host:', 'Connection: close\r\nHost:'));
    socket.write(body.subarray(0, -1));
    await expect.poll(async () => (await storedRows(api.db)).attachment_chunks).toBe(3);
    return async () => {
      socket.write(body.subarray(-1));
      return answer;
    };
  }

  it('is refused as one with a key that is not valid, and leaves nothing', async () => {
    const client = await insertClient(api.db);
    const end = await begin(client);
    await revoke(client);
    expect(await end()).toMatch(/^HTTP\/1.1 401 .*"code":"invalid_api_key"/s);
    await expectNothingStored(api.db);
  });

  it('is refused as of a disabled client, and leaves nothing', async () => {
    const client = await insertClient(api.db);
    const end = await begin(client);
    await disable(client);
    expect(await end()).toMatch(/^HTTP\/1.1 403 .*"code":"client_disabled"/s);
    await expectNothingStored(api.db);
  });
});

describe('a submission right after one that was accepted', () => {
  /** The key has been looked up a moment ago, so it is not again. */
  async function submitTwice(takeAway: (client: TestClient) => Promise<unknown>) {
    const client = await insertClient(api.db);
    const submit = () => api.send(sendForm(), { Authorization: `Bearer ${client.key}` });
    expect((await submit()).status).toBe(200);
    await takeAway(client);
    const before = await storedRows(api.db);
    const answers = [await answerOf(await submit()), await answerOf(await submit())];
    expect(await storedRows(api.db)).toEqual(before);
    return answers;
  }

  it('is refused when its key was revoked in between, and so is the next', async () => {
    const refused = [401, 'invalid_api_key'];
    expect(await submitTwice(revoke)).toEqual([refused, refused]);
  });

  it('is refused when its key ended in between', async () => {
    const end = ({ key }: TestClient) =>
      api.db
        .updateTable('api_keys')
        .set({ expires_at: sql<Date>`now()` })
        .where('key_hash', '=', createHash('sha256').update(key).digest())
        .execute();
    const refused = [401, 'invalid_api_key'];
    expect(await submitTwice(end)).toEqual([refused, refused]);
  });

  it('is refused when its client was disabled in between', async () => {
    const refused = [403, 'client_disabled'];
    expect(await submitTwice(disable)).toEqual([refused, refused]);
  });
});

describe('a request with JSON that began before its key was taken away', () => {
  async function begin(client: TestClient, path: string, body: object) {
    const bytes = Buffer.from(JSON.stringify(body));
    const { socket, answer } = await openConnection(api.port);
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${client.key}\r\n`;
    socket.write(
      `${head}Connection: close\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`,
    );
    socket.write(bytes.subarray(0, -1));
    // A request that began later has been answered: this one has been authenticated, and waits for its body.
    await api.get('/api/suppressions');
    await api.get('/api/suppressions');
    return async () => {
      socket.write(bytes.subarray(-1));
      return answer;
    };
  }

  it('makes no new key', async () => {
    const operator = await insertClient(api.db, { operator: true });
    const end = await begin(operator, `/api/clients/${operator.id}/keys`, { operator: true });
    await revoke(operator);
    expect(await end()).toMatch(/^HTTP\/1.1 401 .*"code":"invalid_api_key"/s);
    const keys = await api.db.selectFrom('api_keys').select('id').where('client_id', '=', operator.id).execute();
    expect(keys).toHaveLength(1);
  });

  it('pauses nothing', async () => {
    const operator = await insertClient(api.db, { operator: true });
    const end = await begin(operator, '/api/admin/queues/all/pause', { reason: 'a last word' });
    await disable(operator);
    expect(await end()).toMatch(/^HTTP\/1.1 403 .*"code":"client_disabled"/s);
    const paused = await api.db.selectFrom('queue_controls').where('paused_at', 'is not', null).selectAll().execute();
    expect(paused).toEqual([]);
  });
});

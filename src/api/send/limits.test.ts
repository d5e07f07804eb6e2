import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendForm, startTestApi, storedRows, type TestApi } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';
import { answerOf } from '../../../test/support/record.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });
const submit = (key: string, changes: Record<string, string> = {}, headers: Record<string, string> = {}) =>
  api.send(sendForm(changes), { ...bearer(key), ...headers });

async function clientWithLimit(medium: number) {
  const client = await insertClient(api.db);
  await api.db.updateTable('clients').set({ daily_limit_medium: medium }).where('id', '=', client.id).execute();
  return client;
}

describe('a client’s daily limit', () => {
  it('refuses what is beyond it with 429 until midnight UTC, and stores nothing of it', async () => {
    const client = await clientWithLimit(2);
    for (const expected of [200, 200]) expect((await submit(client.key)).status).toBe(expected);
    const before = await storedRows(api.db);
    const response = await submit(client.key);
    const retryAfterS = Number(response.headers.get('retry-after'));
    expect(await answerOf(response)).toEqual([429, 'daily_limit_reached']);
    expect(retryAfterS).toBeGreaterThan(0);
    expect(retryAfterS).toBeLessThanOrEqual(24 * 60 * 60);
    expect(await storedRows(api.db)).toEqual(before);
  });

  it('is one for each priority and each client', async () => {
    const client = await clientWithLimit(1);
    const other = await insertClient(api.db);
    await submit(client.key);
    expect((await submit(client.key)).status).toBe(429);
    expect((await submit(client.key, { priority: 'critical' })).status).toBe(200);
    expect((await submit(other.key)).status).toBe(200);
  });

  it('is not exceeded by submissions side by side', async () => {
    const client = await clientWithLimit(5);
    const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await submit(client.key)).status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(15);
    const stored = api.db.selectFrom('emails').select('id').where('client_id', '=', client.id);
    expect(await stored.execute()).toHaveLength(5);
  });

  it('used up within a request that does more undoes all of it', async () => {
    const client = await clientWithLimit(1);
    const sent = (await (await submit(client.key)).json()) as { id: string };
    const before = await storedRows(api.db);
    const again = await fetch(`${api.url}/api/email/${sent.id}/resend`, {
      method: 'POST',
      headers: bearer(client.key),
    });
    expect(await answerOf(again)).toEqual([429, 'daily_limit_reached']);
    expect(await storedRows(api.db)).toEqual(before);
  });

  it('does not count a repeat with the same key again, nor refuse it', async () => {
    const client = await clientWithLimit(1);
    const headers = { 'Idempotency-Key': 'once' };
    expect((await submit(client.key, {}, headers)).status).toBe(200);
    expect((await submit(client.key, {}, headers)).status).toBe(200);
  });

  it('of 0 refuses everything', async () => {
    const client = await clientWithLimit(0);
    expect((await submit(client.key)).status).toBe(429);
  });
});

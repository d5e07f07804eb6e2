import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../test/support/api.js';
import { until } from '../../test/support/until.js';

/** More than the api has connections. */
const GUESSES = 60;

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({}, { trustedProxies: ['127.0.0.1'] });
});
afterAll(() => api?.stop());

it('wrong keys from many addresses leave connections to others, however long they are looked up', async () => {
  const guess = (n: number) =>
    fetch(`${api.url}/api/suppressions`, {
      headers: { Authorization: `Bearer wrong-${n}`, 'X-Forwarded-For': `192.0.2.${n}` },
    });
  const lookUps = async () => {
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(api.db);
    return rows[0]!.count;
  };
  let guesses: Promise<Response>[] = [];
  await api.db.transaction().execute(async (trx) => {
    await sql`lock table api_keys in access exclusive mode`.execute(trx);
    guesses = Array.from({ length: GUESSES }, (_, n) => guess(n));
    await until('four keys are being looked up', async () => (await lookUps()) >= 4);
    const ready = await fetch(`${api.url}/readyz`);
    expect([ready.status, await lookUps()]).toEqual([200, 4]);
  });
  const statuses = await Promise.all(guesses.map(async (answer) => (await answer).status));
  expect(new Set(statuses)).toEqual(new Set([401]));
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, insertClient, type TestDatabase } from '../../../test/support/database.js';
import { transact } from '../../postgres/transaction.js';
import { countIfAllowed, countSubmission, LimitReachedError } from './limits.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const limited = async (daily_limit_low: number) =>
  (await insertClient(database.db, { columns: { daily_limit_low } })).id;
const ask = (clientId: string) => transact(database.db, (trx) => countIfAllowed(trx, clientId, 'low'));

it('lets exactly as many through as the limit says, however many ask at once, together with those who submit', async () => {
  const client = await limited(7);
  const submit = () =>
    transact(database.db, async (trx) => {
      await countSubmission(trx, client, 'low');
      return true;
    }).catch((error: unknown) => {
      if (error instanceof LimitReachedError) return false;
      throw error;
    });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? ask(client) : submit())));
  expect(answers.filter(Boolean)).toHaveLength(7);
  expect(await ask(client)).toBe(false);
});

it('lets its transaction go on when the limit is used up, and counts nothing', async () => {
  const client = await limited(0);
  const row = await transact(database.db, async (trx) => {
    expect(await countIfAllowed(trx, client, 'low')).toBe(false);
    return trx.selectFrom('clients').select('id').where('id', '=', client).executeTakeFirst();
  });
  expect(row).toEqual({ id: client });
  expect(await database.db.selectFrom('client_usage').selectAll().where('client_id', '=', client).execute()).toEqual(
    [],
  );
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { ensureProviders } from './rows.js';
import { changeProvider, readProviders } from './switches.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('a provider that is new to the database gets its rows, and what is set of others stays', async () => {
  const { db } = database;
  await changeProvider(db, 'mailgun', { enabled: false, per_day: 7, reason: 'a test' });
  await db.deleteFrom('provider_controls').where('provider', '=', 'smtp').execute();
  await db.deleteFrom('provider_health').where('provider', '=', 'smtp').execute();
  await Promise.all([ensureProviders(db), ensureProviders(db)]);
  expect(await readProviders(db, ['smtp'])).toMatchObject([
    { provider: 'mailgun', enabled: false, per_day: 7 },
    { provider: 'mandrill', enabled: true },
    { provider: 'smtp', configured: true, enabled: true, breaker: { state: 'closed' } },
  ]);
});

import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

it('the server gives up a client that is gone within a minute, whether it waits for it or tells it something', async () => {
  const { rows } = await sql<Record<string, string>>`select current_setting('tcp_keepalives_idle') as idle_s,
    current_setting('tcp_keepalives_interval') as every_s, current_setting('tcp_keepalives_count') as tries,
    current_setting('tcp_user_timeout') as unconfirmed_ms`.execute(database.db);
  const { idle_s, every_s, tries, unconfirmed_ms } = rows[0]!;
  // What the kernel has been told, as the server asks it.
  expect(Number(idle_s) + Number(every_s) * Number(tries)).toBeLessThanOrEqual(60);
  expect(Number.parseInt(unconfirmed_ms!, 10)).toBeLessThanOrEqual(60_000);
  expect(Number.parseInt(unconfirmed_ms!, 10)).toBeGreaterThan(0);
});

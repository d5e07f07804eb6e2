import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { until } from '../../test/support/until.js';
import { hasDispatcher } from '../domain/queue/dispatcher-sign.js';
import { listen } from './listener.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

it('a dispatcher is seen as long as one listens, of several as long as the last', async () => {
  const logger = pino({ level: 'silent' });
  expect(await hasDispatcher(database.db)).toBe(false);
  const first = listen(database.url, () => {}, logger);
  const second = listen(database.url, () => {}, logger);
  await until('it is seen', () => hasDispatcher(database.db));
  await first.stop();
  await until('the other one is seen', () => hasDispatcher(database.db));
  await second.stop();
  await until('none is seen', async () => !(await hasDispatcher(database.db)));
});

import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { BREAKER, noteFailure, noteSuccess } from '../domain/provider-health/breaker.js';
import { createBreakerWatch } from './watch-breakers.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

function memory() {
  const lines: Record<string, unknown>[] = [];
  const write = (chunk: Buffer, _: string, done: () => void) => {
    lines.push(JSON.parse(chunk.toString()));
    done();
  };
  return { lines, logger: pino({ base: null }, new Writable({ write })) };
}

const fail = (code: string) =>
  database.db
    .transaction()
    .execute((trx) => noteFailure(trx, 'mandrill', { kind: 'unavailable', code, startedAt: new Date() }));

it('says once that a breaker opened, with the code, and once that it lets traffic through again', async () => {
  const { lines, logger } = memory();
  const look = createBreakerWatch(database.db, logger);
  const said = () => lines.splice(0).map(({ msg, provider, code }) => [msg, provider, code]);
  await look();
  expect(said()).toEqual([]);
  for (let failures = 1; failures < BREAKER.failuresToOpen; failures++) await fail('http_503');
  await look();
  expect(said()).toEqual([]);
  await fail('http_503');
  await look();
  await look();
  expect(said()).toEqual([['breaker opened', 'mandrill', 'http_503']]);

  const { lines: others, logger: another } = memory();
  await createBreakerWatch(database.db, another)();
  expect(others.map(({ msg, level }) => [msg, level])).toEqual([['breaker opened', 40]]);

  await database.db.transaction().execute((trx) => noteSuccess(trx, 'mandrill', new Date(Date.now() + 60_000)));
  await look();
  await look();
  expect(said()).toEqual([['breaker half open', 'mandrill', undefined]]);
  await fail('timeout');
  await look();
  expect(said()).toEqual([['breaker opened', 'mandrill', 'timeout']]);

  await database.db.updateTable('provider_health').set({ state: 'closed' }).execute();
  await look();
  expect(said()).toEqual([['breaker closed', 'mandrill', undefined]]);
});

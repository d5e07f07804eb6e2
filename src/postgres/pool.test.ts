import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { type Db, openDatabase } from './database.js';

const BURST = 5;

let database: TestDatabase;
let db: Db;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => vi.useRealTimers());
afterAll(async () => {
  await db?.destroy();
  await database?.drop();
});

it('keeps what a burst has opened for the next one: on a busy machine a connection takes longer than a request waits', async () => {
  // The times of the pool alone: sockets go on.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  db = openDatabase({ url: database.url, poolSize: BURST, name: 'burst', logger: { warn: () => {} } });
  const pids = async () => {
    const asked = Array.from({ length: BURST }, () =>
      sql<{ pid: number }>`select pg_backend_pid() as pid from pg_sleep(0.05)`.execute(db),
    );
    return (await Promise.all(asked)).map(({ rows }) => rows[0]!.pid).sort();
  };
  const first = await pids();
  expect(new Set(first).size).toBe(BURST);
  vi.advanceTimersByTime(5 * 60_000);
  expect(await pids()).toEqual(first);
});

it.each([
  { told: undefined, waitsMs: 5_000 },
  { told: 60_000, waitsMs: 60_000 },
])('lets a query wait $waitsMs ms for a connection when it was told $told', async ({ told, waitsMs }) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const logger = { warn: () => {} };
  const busy = openDatabase({ url: database.url, poolSize: 1, connectMs: told, name: 'busy', logger });
  try {
    await busy.connection().execute(async () => {
      let error: unknown;
      void sql`select 1`.execute(busy).catch((thrown) => {
        error = thrown;
      });
      await vi.advanceTimersByTimeAsync(waitsMs - 1);
      expect(error).toBe(undefined);
      await vi.advanceTimersByTimeAsync(1);
      expect(error).toMatchObject({ message: 'timeout exceeded when trying to connect' });
    });
  } finally {
    await busy.destroy();
  }
});

import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { cuttableDatabase } from '../../test/support/webhooks.js';
import { openDatabase } from './database.js';
import { later, type Trx, transact } from './transaction.js';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
  await sql`create table things (id int primary key, value int not null)`.execute(test.db);
});
afterAll(() => test?.drop());

const add = (trx: Trx, id: number, value = 0) => sql`insert into things values (${id}, ${value})`.execute(trx);
const valueIn = async (id: number, db = test.db) =>
  (await sql<{ value: number }>`select value from things where id = ${id}`.execute(db)).rows[0]?.value;
const silent = pino({ level: 'silent' });

describe('a transaction', () => {
  it('is committed as a whole, with what nobody waited for', async () => {
    const result = await transact(test.db, async (trx) => {
      await later(trx, add(trx, 1, 10), add(trx, 2, 20));
      return valueIn(1, trx);
    });
    expect([result, await valueIn(1), await valueIn(2)]).toEqual([10, 10, 20]);
  });

  it('leaves nothing when its work throws, also of what nobody waited for', async () => {
    const failing = transact(test.db, async (trx) => {
      await later(trx, add(trx, 3));
      throw new Error('on second thoughts');
    });
    await expect(failing).rejects.toThrow('on second thoughts');
    expect(await valueIn(3)).toBeUndefined();
  });

  it('leaves nothing when a statement fails that nobody waited for, and says which', async () => {
    const failing = transact(test.db, async (trx) => {
      await later(trx, add(trx, 4), add(trx, 4), add(trx, 5));
      return 'unaware';
    });
    await expect(failing).rejects.toMatchObject({ code: '23505', constraint: 'things_pkey' });
    expect([await valueIn(4), await valueIn(5)]).toEqual([undefined, undefined]);
  });

  it('fails for the first statement that failed, not for those after it', async () => {
    const failing = transact(test.db, async (trx) => {
      await later(trx, add(trx, 6), add(trx, 6));
      return valueIn(6, trx);
    });
    await expect(failing).rejects.toMatchObject({ code: '23505' });
  });

  it('gives its connection back in order, whatever became of it', async () => {
    const db = openDatabase({ url: test.url, poolSize: 1, name: 'one', logger: silent });
    try {
      for (const id of [7, 7, 8]) await transact(db, (trx) => later(trx, add(trx, id))).catch(() => {});
      expect([await valueIn(7, db), await valueIn(8, db)]).toEqual([0, 0]);
      const { rows } = await sql<{ alone: boolean; id: string | null }>`
        select clock_timestamp() > now() as alone, pg_current_xact_id_if_assigned() as id`.execute(db);
      expect(rows).toEqual([{ alone: true, id: null }]);
    } finally {
      await db.destroy();
    }
  });

  it('never gives back a connection that the server has ended', async () => {
    const db = openDatabase({ url: test.url, poolSize: 1, name: 'ended', logger: silent });
    try {
      for (let id = 100; id < 120; id++) {
        const ended = transact(db, async (trx) => {
          const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
          await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(test.db);
          await later(trx, add(trx, id));
        });
        await expect(ended).rejects.toThrow();
        expect(await valueIn(id, db)).toBeUndefined();
      }
    } finally {
      await db.destroy();
    }
  });

  it('reads after a lock, though asked for along with it, what others committed before they gave the lock up', async () => {
    await transact(test.db, (trx) => add(trx, 9));
    const increase = () =>
      transact(test.db, async (trx) => {
        const lock = sql`select id from things where id = 9 for update`.execute(trx);
        const [, value] = await Promise.all([lock, valueIn(9, trx)]);
        await later(trx, sql`update things set value = ${value! + 1} where id = 9`.execute(trx));
      });
    await Promise.all(Array.from({ length: 50 }, increase));
    expect(await valueIn(9)).toBe(50);
  });
});

describe('statements asked for together', () => {
  it('travel together, `begin` with the first of them and `commit` with the last', async () => {
    const wire = await cuttableDatabase(test.url);
    const db = openDatabase({ url: wire.url, poolSize: 1, name: 'counted', logger: silent });
    try {
      await sql`select 1`.execute(db);
      const before = wire.journeys();
      await transact(db, async (trx) => {
        const [one] = await Promise.all([valueIn(1, trx), valueIn(2, trx), valueIn(3, trx)]);
        await later(trx, add(trx, 10, one), add(trx, 11, one));
      });
      expect(wire.journeys() - before).toBe(2);
    } finally {
      await db.destroy();
      wire.close();
    }
  });
});

import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { later, transact } from '../transaction.js';
import { compileOnce } from './compile-once.js';

describe('a statement that is compiled once', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await createTestDatabase();
  });
  afterAll(() => test?.drop());

  it('is written once, and takes other values each time: texts, numbers, times, lists, null', async () => {
    let written = 0;
    const echo = compileOnce((_, values: { text: string; n: number; at: Date | null; list: readonly string[] }) => {
      written++;
      return sql<{ text: string; n: number; at: Date | null; list: string[] }>`select ${values.text}::text as text,
        ${values.n}::int as n, ${values.at}::timestamptz as at, ${values.list}::text[] as list`;
    });
    const all = [
      { text: 'a', n: 1, at: new Date('2026-01-02T03:04:05.678Z'), list: ['x', 'y'] },
      { text: `'; drop table emails; --`, n: -2, at: null, list: [] },
    ];
    for (const values of [...all, ...all]) expect(await echo(test.db, values)).toEqual([values]);
    expect(written).toBe(1);
  });

  it('may use a value in several places, beside parameters that are always the same', async () => {
    const greater = compileOnce((db, { n }: { n: number }) =>
      db
        .selectFrom(sql<{ m: number }>`generate_series(${1}::int, ${n}::int)`.as('s'))
        .select(sql<number>`s + ${n}::int`.as('m')),
    );
    expect(await greater(test.db, { n: 2 })).toEqual([{ m: 3 }, { m: 4 }]);
    expect(await greater(test.db, { n: 1 })).toEqual([{ m: 2 }]);
  });

  it('belongs to the transaction it is run in, in the order in which it was asked for', async () => {
    await sql`create table steps (n int primary key)`.execute(test.db);
    const add = compileOnce((_, { n }: { n: number }) => sql`insert into steps values (${n})`);
    const list = compileOnce(() => sql<{ n: number }>`select n from steps order by n`);
    const seen = await transact(test.db, (trx) =>
      Promise.all([add(trx, { n: 1 }), list(trx, {}), add(trx, { n: 2 }), list(trx, {})]),
    );
    expect([seen[1], seen[3]]).toEqual([[{ n: 1 }], [{ n: 1 }, { n: 2 }]]);
    const refused = transact(test.db, (trx) => Promise.all([add(trx, { n: 3 }), add(trx, { n: 1 })]));
    await expect(refused).rejects.toThrow('steps_pkey');
    expect(await list(test.db, {})).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('refuses what would be the same for every run: a value that is reckoned with, or values taken as a whole', () => {
    const late = 'the value of "n" is known only when the statement is run';
    const reckons = compileOnce((_, { n }: { n: number }) => sql`select ${n / 2}::int`);
    expect(() => reckons(test.db, { n: 2 })).toThrow(late);
    const writes = compileOnce((_, { n }: { n: number }) => sql`select ${JSON.stringify([n])}::jsonb`);
    expect(() => writes(test.db, { n: 2 })).toThrow(late);
    const spreads = compileOnce((db, values: { n: number }) => db.selectNoFrom(sql`${{ ...values }.n}::int`.as('n')));
    expect(() => spreads(test.db, { n: 2 })).toThrow('the values of a statement are taken by their names');
  });

  it('commits nothing of a transaction that asks for one that cannot be made, awaited or not', async () => {
    await sql`create table kept (n int)`.execute(test.db);
    const add = compileOnce((_, { n }: { n: number }) => sql`insert into kept values (${n})`);
    const reckons = compileOnce((_, { n }: { n: number }) => sql`insert into kept values (${n + 1})`);
    const work = transact(test.db, async (trx) => {
      await later(trx, add(trx, { n: 1 }));
      await later(trx, reckons(trx, { n: 1 }));
    });
    await expect(work).rejects.toThrow('is known only when');
    expect((await sql`select from kept`.execute(test.db)).rows).toEqual([]);
  });
});

import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';

describe('prepared statements', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await createTestDatabase();
  });
  afterAll(() => test?.drop());

  /** On one connection, so that what it keeps can be seen. */
  const times = async (count: number, ask: (db: typeof test.db) => Promise<unknown>, pattern: string) =>
    test.db.connection().execute(async (db) => {
      for (let n = 0; n < count; n++) await ask(db);
      const { rows } = await sql<{ n: number }>`
        select count(*)::int n from pg_prepared_statements where statement like ${`%${pattern}%`}`.execute(db);
      return rows[0]!.n;
    });

  it('are kept from the second time on', async () => {
    const ask = (db: typeof test.db) => sql`select ${1}::int as asked_again`.execute(db);
    expect(await times(1, ask, 'asked_again')).toBe(0);
    expect(await times(2, ask, 'asked_again')).toBe(1);
  });

  it('are not kept when they select whatever columns there are, so that a migration does not break them', async () => {
    await sql`create table grows (id int)`.execute(test.db);
    const ask = (db: typeof test.db) => sql`select * from grows where id = ${1}`.execute(db);
    expect(await times(3, ask, 'from grows')).toBe(0);
    await sql`alter table grows add column more int`.execute(test.db);
    expect(await times(1, ask, 'from grows')).toBe(0);
  });

  it('stay few, however many texts there are', async () => {
    const other = async (db: typeof test.db) => {
      for (let n = 0; n < 700; n++) {
        const text = sql`select ${n}::int ${sql.raw(`as column_${n}`)}`;
        await text.execute(db);
        await text.execute(db);
      }
    };
    expect(await times(1, other, 'as column_')).toBeLessThanOrEqual(300);
  });

  it('that fail once work the next time', async () => {
    const divide = (by: number) => sql<{ a: number }>`select 10 / ${by}::int as a`.execute(test.db);
    await divide(5);
    await expect(divide(0)).rejects.toThrow(/division by zero/);
    expect((await divide(2)).rows).toEqual([{ a: 5 }]);
  });
});

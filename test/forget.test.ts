import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { insertDeadEmail } from './support/dead.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** All tables, with the rows that hold a text. */
async function tablesWith(text: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select c.relname as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`.execute(
    database.db,
  );
  const found: string[] = [];
  for (const { name } of rows) {
    const held = await sql<{ n: number }>`
      select count(*)::int as n from ${sql.table(name)} t where position(${text} in t::text) > 0`.execute(database.db);
    if (held.rows[0]!.n > 0) found.push(name);
  }
  return found.sort();
}

it('the statements that docs/data.md gives to forget a receiver leave nothing of theirs, and everything of others', async () => {
  const [one, other] = ['reader@example.org', 'other@example.org'];
  const id = await insertDeadEmail(database.db, { receiver: one });
  const kept = await insertDeadEmail(database.db, { receiver: other });
  const of = { id, kept };
  const before = await tablesWith(of.kept);
  expect(await tablesWith(of.id)).toEqual(before);
  expect(before).toEqual(['dead_emails', 'email_events', 'emails', 'send_attempts']);

  const docs = readFileSync(fileURLToPath(new URL('../docs/data.md', import.meta.url)), 'utf8');
  const [, statements] = /```sql\n(begin;[\s\S]*?)```/.exec(docs)!;
  await sql.raw(statements!).execute(database.db);

  expect(await tablesWith(of.id)).toEqual([]);
  expect(await tablesWith(one)).toEqual([]);
  expect(await tablesWith(of.kept)).toEqual(before);
});

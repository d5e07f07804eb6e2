import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const IDS = 20_000;

it('an id says its time in 60 bits and nothing in the other 62, which are random each time', async () => {
  const { rows } = await sql<{ id: string }>`select uuidv7() as id from generate_series(1, ${IDS})`.execute(
    database.db,
  );
  const tails = rows.map(({ id }) => BigInt(`0x${id.replaceAll('-', '').slice(16)}`) & ((1n << 62n) - 1n));
  expect(new Set(tails).size).toBe(IDS);
  for (let bit = 0n; bit < 62n; bit++) {
    const ones = tails.filter((tail) => (tail >> bit) & 1n).length;
    // Six standard deviations: a fair bit fails once in five hundred million.
    expect(Math.abs(ones - IDS / 2), `bit ${bit}`).toBeLessThan(6 * Math.sqrt(IDS / 4));
  }
  for (const { id } of rows)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { type Ask, takeTokens } from './rate-buckets.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** So slow that nothing comes back during the test. */
const SLOW = { rate: 1e-9, burst: 100 };
const ask = (owner: string, wanted: number, more: Partial<Ask> = {}): Ask => ({
  ...{ owner, kind: 'send', ...SLOW, spent: 0, wanted },
  ...more,
});
const take = async (...asks: Ask[]) =>
  (await takeTokens(database.db, asks)).map(({ granted, left }) => [granted, Math.round(left)]);
const longAgo = (owner: string, seconds: number) =>
  sql`update rate_buckets set filled_at = filled_at - ${seconds} * interval '1 second' where owner = ${owner}`.execute(
    database.db,
  );

describe('a bucket', () => {
  it('is full when it is new, and gives what is there, and no more', async () => {
    const owner = randomUUID();
    expect(await take(ask(owner, 30))).toEqual([[30, 70]]);
    expect(await take(ask(owner, 80))).toEqual([[70, 0]]);
    expect(await take(ask(owner, 1))).toEqual([[0, 0]]);
    expect(await take(ask(randomUUID(), 500))).toEqual([[100, 0]]);
  });

  it('fills at its rate, up to its burst', async () => {
    const owner = randomUUID();
    const limit = { rate: 2, burst: 10 };
    await take(ask(owner, 10, limit));
    await longAgo(owner, 3);
    expect((await take(ask(owner, 100, limit)))[0]![0]).toBe(6);
    await longAgo(owner, 3_000);
    expect((await take(ask(owner, 100, limit)))[0]![0]).toBe(10);
  });

  it('settles what was spent and takes back what is given, never beyond its burst', async () => {
    const owner = randomUUID();
    expect(await take(ask(owner, 0, { spent: 40 }))).toEqual([[0, 60]]);
    expect(await take(ask(owner, 10, { spent: 70 }))).toEqual([[0, -10]]);
    expect(await take(ask(owner, 0, { spent: -30 }))).toEqual([[0, 20]]);
    expect(await take(ask(owner, 0, { spent: -300 }))).toEqual([[0, 100]]);
  });

  it('follows a limit that is changed', async () => {
    const owner = randomUUID();
    await take(ask(owner, 0));
    expect(await take(ask(owner, 50, { burst: 20 }))).toEqual([[20, 0]]);
  });

  it('is one of sends and another of reads', async () => {
    const owner = randomUUID();
    expect(await take(ask(owner, 100), ask(owner, 100, { kind: 'read' }))).toEqual([
      [100, 0],
      [100, 0],
    ]);
  });

  it('never gives more than there is, however many processes ask for however many at once', async () => {
    const owners = Array.from({ length: 20 }, () => randomUUID());
    const shuffled = () => owners.map((owner) => ({ owner, at: Math.random() })).sort((a, b) => a.at - b.at);
    const granted = new Map<string, number>();
    const round = async () => {
      const grants = await takeTokens(
        database.db,
        shuffled().map(({ owner }) => ask(owner, 7)),
      );
      for (const grant of grants) granted.set(grant.owner, (granted.get(grant.owner) ?? 0) + grant.granted);
    };
    await Promise.all(Array.from({ length: 40 }, round));
    expect(owners.map((owner) => granted.get(owner))).toEqual(owners.map(() => 100));
  });
});

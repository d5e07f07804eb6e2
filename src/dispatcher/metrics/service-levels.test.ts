import fc from 'fast-check';
import { sql } from 'kysely';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { createOutcomeCounter } from './service-levels.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());
beforeEach(() => sql`delete from service_levels`.execute(database.db));

async function tell(count: (registry: Registry) => Promise<void>): Promise<(series: string) => number | undefined> {
  const registry = new Registry();
  await count(registry);
  const text = await registry.metrics();
  return (series) => {
    const line = text.split('\n').find((each) => each.startsWith(`tempost_service_level_${series} `));
    return line === undefined ? undefined : Number(line.split(' ')[1]);
  };
}
const emails = (outcome: string) => `emails_total{priority="medium",outcome="${outcome}"}`;

async function becomes(status: string, lateS = 0): Promise<string> {
  const id = await insertQueuedEmail(database.db, { priority: 'medium' });
  const set =
    status === 'sent'
      ? sql`sent_at = deadline_at + make_interval(secs => ${lateS === 0 ? -1 : lateS})`
      : sql`status = ${status}`;
  await sql`update emails set ${set} where id = ${id}`.execute(database.db);
  return id;
}

it('counts what e-mails come to from its first look on; a dead e-mail that is retried has come to two things', async () => {
  await becomes('sent');
  const count = createOutcomeCounter(database.db, 99.9);
  expect((await tell(count))(emails('in_time'))).toBe(0);
  await becomes('sent');
  await becomes('sent', 5);
  const dead = await becomes('dead');
  let told = await tell(count);
  expect([emails('in_time'), emails('late'), emails('dead')].map(told)).toEqual([1, 1, 1]);
  // Of four that count, two.
  expect(told('attainment_ratio{priority="medium"}')).toBe(0.5);
  expect(told('attainment_ratio{priority="low"}')).toBeUndefined();
  await sql`update emails set status = 'queued' where id = ${dead}`.execute(database.db);
  await sql`update emails set sent_at = deadline_at + interval '1 hour' where id = ${dead}`.execute(database.db);
  told = await tell(count);
  expect([emails('in_time'), emails('late'), emails('dead')].map(told)).toEqual([1, 2, 1]);
});

it('never goes down, and misses nothing that came since the last look: whatever is added, taken back, or removed with its hour', async () => {
  const change = fc.record({
    // Not at the edge of what is seen: an hour may begin meanwhile.
    hoursAgo: fc.oneof(fc.integer({ min: -3, max: 45 }), fc.constant(50)),
    outcome: fc.constantFrom('in_time', 'late', 'dead'),
    by: fc.integer({ min: 1, max: 9 }),
    looks: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), fc.boolean(), async (changes, removes) => {
      const { db } = database;
      await sql`delete from service_levels`.execute(db);
      const count = createOutcomeCounter(db, 99.9);
      await tell(count);
      const added = { in_time: 0, late: 0, dead: 0 } as Record<string, number>;
      let last = 0;
      for (const [index, { hoursAgo, outcome, by, looks }] of changes.entries()) {
        await sql`insert into service_levels
          select date_trunc('hour', now() - make_interval(hours => ${hoursAgo}), 'UTC'), 'medium',
            '00000000-0000-4000-8000-000000000001', ${index % 16}, 0, 0, 0, 0, 0, 0, 0
          on conflict do nothing`.execute(db);
        await sql`update service_levels set ${sql.ref(outcome)} = ${sql.ref(outcome)} + ${by}
          where hour = date_trunc('hour', now() - make_interval(hours => ${hoursAgo}), 'UTC')
            and shard = ${index % 16}`.execute(db);
        // Older than two days it is not seen.
        if (hoursAgo < 50) added[outcome]! += by;
        if (removes && index % 3 === 2)
          await sql`delete from service_levels where hour < now() - interval '49 hours'`.execute(db);
        if (!looks) continue;
        const told = (await tell(count))(emails('in_time'))!;
        expect(told).toBeGreaterThanOrEqual(last);
        last = told;
      }
      const told = await tell(count);
      for (const outcome of ['in_time', 'late', 'dead']) expect(told(emails(outcome))).toBe(added[outcome]);
    }),
    { numRuns: 25 },
  );
});

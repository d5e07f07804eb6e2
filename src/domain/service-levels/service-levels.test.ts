import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, insertClient, type TestDatabase } from '../../../test/support/database.js';
import { accept, type Known, live, type Step } from '../../../test/support/lives/handed-over.js';
import { patient } from '../../../test/support/patience.js';
import { PRIORITIES, type Priority } from '../../priority.js';
import { inParallel } from '../../process/parallel.js';
import type { SendResult } from '../../providers/provider.js';
import { cancelEmail } from '../actions/cancel.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { pause, resume } from '../queue/pauses.js';
import { mergeServiceLevels } from './merge.js';
import { findLatest, readServiceLevels, type ServiceLevelCounts } from './report.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.db.updateTable('provider_controls').set({ forced: 'closed' }).execute();
});
afterAll(() => database.drop());

const HOUR_MS = 3_600_000;
type Kind = keyof ServiceLevelCounts;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('try' as const),
      provider: fc.constantFrom('mailgun' as const, 'mandrill' as const),
      answer: fc.constantFrom<SendResult | 'killed'>(
        { kind: 'accepted', providerMessageId: 'theirs' },
        { kind: 'unavailable', code: 'http_503' },
        { kind: 'rejected', code: 'http_400' },
        { kind: 'ambiguous', code: 'timeout' },
        'killed',
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('webhook' as const),
      type: fc.constantFrom('sent', 'delivered', 'bounced', 'opened', 'failed', 'complained'),
      ageS: fc.nat(8_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('bury' as const, 'again' as const, 'retry' as const, 'cancel' as const, 'merge' as const)
      .map((what): Step => ({ do: what })),
  },
);

/** Looks whether a provider has it now; the first time stands. */
async function look(email: Known): Promise<void> {
  const { sent_at } = await database.db
    .selectFrom('emails')
    .select('sent_at')
    .where('id', '=', email.id)
    .executeTakeFirstOrThrow();
  email.handedOver ??= sent_at ?? undefined;
}

/** What an e-mail has to count as, by what is known of it and by its status. */
async function expected(email: Known): Promise<Kind> {
  if (email.handedOver) return email.handedOver <= email.deadline ? 'in_time' : 'late';
  const { status } = await database.db
    .selectFrom('emails')
    .select('status')
    .where('id', '=', email.id)
    .executeTakeFirstOrThrow();
  if (['dead', 'failed', 'suppressed', 'cancelled'].includes(status)) return status as Kind;
  return email.deadline.getTime() < Date.now() ? 'late' : 'pending';
}

const KINDS: readonly Kind[] = [
  'in_time',
  'late',
  'late_by_pause',
  'dead',
  'failed',
  'suppressed',
  'cancelled',
  'pending',
];

/** Counts by hour, priority and kind; what is zero is left out. */
function tally(entries: Iterable<readonly [hour: number, priority: Priority, kind: Kind, count: number]>) {
  const counts = new Map<string, number>();
  for (const [hour, priority, kind, count] of entries) {
    const key = `${new Date(hour).toISOString()} ${priority} ${kind}`;
    if (count !== 0) counts.set(key, (counts.get(key) ?? 0) + count);
  }
  return Object.fromEntries([...counts].sort());
}

const around = () => ({ from: new Date(Date.now() - 100 * HOUR_MS), to: new Date(Date.now() + 100 * HOUR_MS) });

describe('service levels', () => {
  it(
    'count each e-mail once, by its first deadline and its first hand-over, whatever happens to it and in whichever order',
    async () => {
      const { db } = database;
      await sql`update service_level_start set counted_from = now() - interval '100 hours'`.execute(db);
      const oneEmail = fc.record({
        priority: fc.constantFrom(...PRIORITIES),
        // Some are far behind already; none is so close to its deadline that it could pass while the test looks.
        dueInS: fc.constantFrom(-100_000, -9_000, -4_000, 600, 7_000),
        steps: fc.array(step, { maxLength: 9 }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(oneEmail, { minLength: 1, maxLength: 5 }), async (lives) => {
          const { id: client } = await insertClient(db);
          const emails: Known[] = [];
          await Promise.all(
            lives.map(async ({ priority, dueInS, steps }) => {
              const email = await accept(database.db, client, priority, dueInS);
              emails.push(email);
              for (const one of steps) {
                await live(db, email, one);
                await look(email);
              }
            }),
          );
          const levels = await readServiceLevels(db, { ...around(), by: 'hour', client });
          const told = tally(
            levels.flatMap((level) =>
              KINDS.map((kind) => [level.from.getTime(), level.priority, kind, level[kind]] as const),
            ),
          );
          const known = await Promise.all(
            emails.map(async (email) => {
              const hour = Math.floor(email.deadline.getTime() / HOUR_MS) * HOUR_MS;
              return [hour, email.priority, await expected(email), 1] as const;
            }),
          );
          expect(told).toEqual(tally(known));
        }),
        { numRuns: 60 },
      );
    },
    patient(60_000),
  );

  it('say the same of all e-mails as a query over the record, kind by kind', async () => {
    const { db } = database;
    const { id: client } = await insertClient(db);
    // Late because of a pause, by a thousand seconds; and one that would have been late without it. Whatever was late
    // before is so by more than the pause has lasted.
    await pause(db, ['medium'], 'test');
    await sql`update send_stops set from_at = now() - interval '3000 seconds'
      where priority = 'medium' and until_at is null`.execute(db);
    const paused = [await accept(db, client, 'medium', -1_900), await accept(db, client, 'medium', -6_000)];
    await resume(db, ['medium']);
    const address = 'reader@example.org';
    const answer = { kind: 'accepted', providerMessageId: 'theirs' } as const;
    for (const email of paused) await live(db, email, { do: 'try', provider: 'mailgun', answer });
    await db.insertInto('suppressions').values({ client_id: client, address, reason: 'manual' }).execute();
    await live(db, await accept(db, client, 'low', 60), { do: 'try', provider: 'mailgun', answer });

    const { rows } = await sql<Record<string, unknown>>`
      with timed as (
        select priority, client_id, status, coalesce(first_sent_at, sent_at) as sent,
          coalesce(first_deadline_at, deadline_at) as deadline, coalesce(first_due_at, due_at) as due from emails),
      judged as (
        select *, sent - (
          select coalesce(sum(least(coalesce(until_at, sent), sent) - greatest(from_at, due)), interval '0')
          from send_stops s where s.priority = timed.priority and cause = 'paused' and from_at < sent
            and coalesce(until_at, sent) > due) as sent_without_pauses
        from timed)
      select date_trunc('hour', deadline, 'UTC') as hour, priority, client_id,
        count(*) filter (where sent <= deadline) as in_time,
        count(*) filter (where sent > deadline and sent_without_pauses > deadline) as late,
        count(*) filter (where sent > deadline and sent_without_pauses <= deadline) as late_by_pause,
        count(*) filter (where sent is null and status = 'dead') as dead,
        count(*) filter (where sent is null and status = 'failed') as failed,
        count(*) filter (where sent is null and status = 'suppressed') as suppressed,
        count(*) filter (where sent is null and status = 'cancelled') as cancelled
      from judged group by 1, 2, 3 order by 1, 2, 3`.execute(db);
    const counters = await sql<Record<string, unknown>>`
      select hour, priority, client_id, sum(in_time) as in_time, sum(late) as late, sum(late_by_pause) as late_by_pause,
        sum(dead) as dead, sum(failed) as failed, sum(suppressed) as suppressed, sum(cancelled) as cancelled
      from service_levels group by 1, 2, 3 order by 1, 2, 3`.execute(db);
    const kinds = KINDS.filter((kind) => kind !== 'pending');
    const counted = (row: Record<string, unknown>) => kinds.some((kind) => Number(row[kind]) > 0);
    expect(counters.rows.filter(counted)).toEqual(rows.filter(counted));
    expect(rows.filter(counted).length).toBeGreaterThan(20);
    const sum = (kind: Kind) =>
      rows.filter((row) => row.client_id === client).reduce((total, row) => total + Number(row[kind]), 0);
    expect([sum('late'), sum('late_by_pause'), sum('suppressed')]).toEqual([1, 1, 1]);
  });

  it('count one that waits past its deadline as late already, and lists the most behind first', async () => {
    const { id: client } = await insertClient(database.db);
    const behind = await accept(database.db, client, 'low', -20_000);
    const further = await accept(database.db, client, 'low', -30_000);
    await live(database.db, further, {
      do: 'try',
      provider: 'mailgun',
      answer: { kind: 'accepted', providerMessageId: 'theirs' },
    });
    await accept(database.db, client, 'critical', 3_000);
    const query = { ...around(), client };
    const levels = await readServiceLevels(database.db, { ...query, by: 'month' });
    const sum = (kind: Kind | 'still_waiting') => levels.reduce((total, level) => total + level[kind], 0);
    expect([sum('late'), sum('still_waiting'), sum('pending'), sum('in_time')]).toEqual([2, 1, 1, 0]);
    const latest = await findLatest(database.db, query, 20);
    expect(latest.map(({ id, waiting }) => [id, waiting])).toEqual([
      [further.id, false],
      [behind.id, true],
    ]);
    expect(latest[0]!.late_s).toBeGreaterThan(26_000);
  });

  it('tell apart what is late because its priority was paused', async () => {
    const { db } = database;
    const { id: client } = await insertClient(db);
    await pause(db, ['medium'], 'test');
    // The pause has held for an hour and a half; the e-mails are due since then, or were late before.
    await sql`update send_stops set from_at = now() - interval '90 minutes' where priority = 'medium' and until_at is null`.execute(
      db,
    );
    const held = await accept(database.db, client, 'medium', -5_400);
    const lateBefore = await accept(database.db, client, 'medium', -9_000);
    const count = async () => {
      const levels = await readServiceLevels(db, { ...around(), by: 'day', client });
      const sum = (kind: Kind | 'still_waiting') => levels.reduce((total, level) => total + level[kind], 0);
      return { late: sum('late'), late_by_pause: sum('late_by_pause'), still_waiting: sum('still_waiting') };
    };
    expect(await count()).toEqual({ late: 1, late_by_pause: 1, still_waiting: 2 });
    await resume(db, ['medium']);
    for (const email of [held, lateBefore]) {
      await live(db, email, {
        do: 'try',
        provider: 'mailgun',
        answer: { kind: 'accepted', providerMessageId: 'theirs' },
      });
    }
    expect(await count()).toEqual({ late: 1, late_by_pause: 1, still_waiting: 0 });
  });

  it('count nothing that was rolled back, and parts of hours that are over become one row', async () => {
    const { db } = database;
    const { id: client } = await insertClient(db);
    const emails: Known[] = [];
    await inParallel(40, 8, async () => void emails.push(await accept(db, client, 'low', -200_000)));
    await expect(
      db.transaction().execute(async (trx) => {
        await trx
          .updateTable('emails')
          .set({ sent_at: new Date(), status: 'sent' })
          .where('client_id', '=', client)
          .execute();
        throw new Error('killed');
      }),
    ).rejects.toThrow('killed');
    const rowsOf = () => db.selectFrom('service_levels').selectAll().where('client_id', '=', client).execute();
    expect(await rowsOf()).toEqual([]);
    await sql`update service_level_start set counted_from = now() - interval '100 hours'`.execute(db);
    // Fewer at once than there are connections: on a busy machine others would wait for one in vain.
    await inParallel(
      emails.length,
      8,
      async (n) => void (await cancelEmail(db, null, emails[n]!.id, SHIPPED_STATUSES)),
    );
    expect((await rowsOf()).length).toBeGreaterThan(5);
    await Promise.all([mergeServiceLevels(db), mergeServiceLevels(db)]);
    const merged = await rowsOf();
    expect(merged.map(({ shard, cancelled }) => [shard, cancelled])).toEqual([[0, 40]]);
  });

  it('leave out what had its deadline before counting began', async () => {
    const { db } = database;
    const { id: client } = await insertClient(db);
    await sql`update service_level_start set counted_from = date_trunc('hour', now(), 'UTC')`.execute(db);
    const early = await accept(database.db, client, 'low', -20_000);
    await live(db, early, {
      do: 'try',
      provider: 'mailgun',
      answer: { kind: 'accepted', providerMessageId: 'theirs' },
    });
    expect(await readServiceLevels(db, { ...around(), by: 'hour', client })).toEqual([]);
  });
});

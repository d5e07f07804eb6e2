import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertAttempts } from '../../../test/support/dead.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import type { Priority } from '../../priority.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { awaitProvider } from './await-provider.js';
import {
  buryStopped,
  type ClaimedEmail,
  dispatchBatch,
  leaveQueue,
  nextDueInMs,
  requeue,
  takeSuspects,
} from './queue.js';

let database: TestDatabase;
beforeEach(async () => {
  await database?.drop();
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const PROVIDERS = ['mailgun', 'mandrill'] as const;
const startAll = async (emails: readonly ClaimedEmail[]) => emails.map((email) => email.emailId);
const dispatch = async (
  start: (emails: readonly ClaimedEmail[]) => Promise<readonly string[]> = startAll,
  options: { priority?: Priority; limit?: number; window?: number; checkAfterMs?: number } = {},
) => {
  const batch = await dispatchBatch(
    database.db,
    options.priority ?? 'low',
    { limit: 100, providers: PROVIDERS, checkAfterMs: 60_000, ...options },
    start,
  );
  return { ...batch, started: batch.started.length };
};
const states = async () =>
  (await database.db.selectFrom('email_queue').select('state').orderBy('due_at').execute()).map((row) => row.state);

describe('dispatch', () => {
  it('goes by due time, and never above the cap', async () => {
    const late = await insertQueuedEmail(database.db, { priority: 'low', dueInS: -1 });
    const early = await insertQueuedEmail(database.db, { priority: 'low', dueInS: -9 });
    const middle = await insertQueuedEmail(database.db, { priority: 'low', dueInS: -5 });
    const claimed: string[] = [];
    const start = async (emails: readonly ClaimedEmail[]) => {
      claimed.push(...emails.map((email) => email.emailId));
      return startAll(emails);
    };
    expect(await dispatch(start, { limit: 2 })).toMatchObject({ started: 2, more: true });
    expect(new Set(claimed)).toEqual(new Set([early, middle]));
    expect(await dispatch(start, { limit: 2 })).toMatchObject({ started: 0, more: true });
    await database.db.updateTable('email_queue').set({ state: 'handed_over' }).where('email_id', '=', early).execute();
    await dispatch(start, { limit: 2 });
    expect(claimed.at(-1)).toBe(late);
  });

  it('has few at a time on their way to their first call, and goes on as calls begin or keep others waiting', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 6; n++) ids.push(await insertQueuedEmail(database.db, { priority: 'low', dueInS: -9 + n }));
    const on = () => dispatch(startAll, { window: 2 });
    expect(await on()).toMatchObject({ started: 2, more: true });
    expect(await on()).toMatchObject({ started: 0, more: true });
    await insertAttempts(database.db, ids[0]!, [{ state: 'calling' }]);
    expect(await on()).toMatchObject({ started: 1 });
    expect(await on()).toMatchObject({ started: 0 });
    // Two that have not begun after so long wait for something else than cores.
    await database.db
      .updateTable('email_queue')
      .set({ dispatched_at: sql<Date>`now() - interval '11 seconds'` })
      .where('state', '=', 'in_flight')
      .execute();
    expect(await on()).toMatchObject({ started: 2 });
  });

  it('starts bulk one at a time while a critical e-mail is on its way, but not for longer than a second', async () => {
    for (let n = 0; n < 12; n++) await insertQueuedEmail(database.db, { priority: 'low' });
    const id = await insertQueuedEmail(database.db, { priority: 'critical', state: 'in_flight' });
    const dispatchedInS = (seconds: number) =>
      database.db
        .updateTable('email_queue')
        .set({ dispatched_at: sql<Date>`now() + make_interval(secs => ${seconds})` })
        .where('email_id', '=', id)
        .execute();
    const bulk = () => dispatch(startAll, { window: 5 });
    await dispatchedInS(30);
    expect(await bulk()).toMatchObject({ started: 1, more: true });
    expect(await bulk()).toMatchObject({ started: 0, more: true, windowFull: false });
    // Its fleet may be dead: that must not hold the others back.
    await dispatchedInS(-1.1);
    expect(await bulk()).toMatchObject({ started: 4 });
    await dispatchedInS(30);
    await insertAttempts(database.db, id, [{ state: 'calling' }]);
    expect(await dispatch(startAll, { window: 7 })).toMatchObject({ started: 2 });
  });

  it('starts low into what medium leaves of its window, one at least, and says when the window is full', async () => {
    for (let n = 0; n < 3; n++) await insertQueuedEmail(database.db, { priority: 'medium', state: 'in_flight' });
    for (let n = 0; n < 5; n++) await insertQueuedEmail(database.db, { priority: 'low' });
    for (let n = 0; n < 5; n++) await insertQueuedEmail(database.db, { priority: 'medium' });
    const low = (window: number) => dispatch(startAll, { priority: 'low', window });
    // Medium's fleet may be dead: that must not stop low.
    expect(await low(2)).toMatchObject({ started: 1, more: true });
    expect(await low(2)).toMatchObject({ started: 0, more: true, windowFull: true });
    expect(await low(5)).toMatchObject({ started: 1, more: true });
    expect(await dispatch(startAll, { priority: 'medium', window: 4 })).toMatchObject({ started: 1 });
    expect(await dispatch(startAll, { priority: 'medium', window: 4, limit: 4 })).toMatchObject({ windowFull: false });
  });

  it('leaves other priorities and what is not due alone', async () => {
    await insertQueuedEmail(database.db, { priority: 'critical' });
    await insertQueuedEmail(database.db, { priority: 'low', dueInS: 30 });
    expect(await dispatch()).toMatchObject({ started: 0, more: false });
    expect(await nextDueInMs(database.db, 'low')).toBeGreaterThan(20_000);
    expect(await nextDueInMs(database.db, 'critical')).toBeUndefined();
  });

  it('by several dispatchers at once starts every e-mail exactly once', async () => {
    for (let n = 0; n < 60; n++) await insertQueuedEmail(database.db, { priority: 'low', dueInS: -n });
    const starts: string[] = [];
    const one = async () => {
      while ((await states()).includes('waiting')) {
        await dispatch(
          async (emails) => {
            starts.push(...emails.map((email) => email.emailId));
            await delay(1);
            return startAll(emails);
          },
          { limit: 1_000 },
        );
      }
    };
    await Promise.all([one(), one(), one(), one()]);
    expect(starts).toHaveLength(60);
    expect(new Set(starts).size).toBe(60);
  });

  it("starts no more than two seconds of the providers' rates", async () => {
    for (let n = 0; n < 20; n++) await insertQueuedEmail(database.db, { priority: 'low' });
    await database.db.updateTable('provider_controls').set({ rate_per_s: 2 }).execute();
    expect(await dispatch()).toMatchObject({ started: 8 });
    expect(await dispatch()).toMatchObject({ started: 0, more: true });
    await database.db
      .updateTable('email_queue')
      .set({ state: 'backing_off' })
      .where('state', '=', 'in_flight')
      .execute();
    expect(await dispatch()).toMatchObject({ started: 0, more: true });
  });

  it('while no provider admits starts only trials, and the time does not count against lifetimes', async () => {
    for (let n = 0; n < 5; n++) await insertQueuedEmail(database.db, { priority: 'low' });
    const stops = () => database.db.selectFrom('send_stops').select(['cause', 'until_at']).execute();
    await database.db
      .updateTable('provider_health')
      .set({ state: 'open', trial_at: sql`now() + interval '1 h'` })
      .execute();
    expect(await dispatch()).toMatchObject({ started: 0, blocked: true });
    expect(await stops()).toEqual([{ cause: 'no_provider', until_at: null }]);
    await database.db.updateTable('provider_health').set({ trial_at: sql`now()` }).execute();
    expect(await dispatch()).toMatchObject({ started: 1 });
    await database.db.updateTable('provider_health').set({ state: 'closed' }).execute();
    expect(await dispatch()).toMatchObject({ started: 4 });
    expect(await stops()).toMatchObject([{ cause: 'no_provider', until_at: expect.any(Date) }]);
  });

  it('wakes those that found no provider as soon as one of theirs admits, before it starts others', async () => {
    const asleep = await insertQueuedEmail(database.db, { priority: 'low', state: 'in_flight' });
    const elsewhere = await insertQueuedEmail(database.db, { priority: 'low', state: 'in_flight', dueInS: -60 });
    const later = await insertQueuedEmail(database.db, { priority: 'low', state: 'in_flight' });
    const fresh = await insertQueuedEmail(database.db, { priority: 'low', dueInS: -100 });
    const id = (emailId: string) => ({ emailId, generation: 1 });
    await awaitProvider(database.db, id(asleep), {
      providers: ['mailgun', 'mandrill'],
      refused: false,
      checkAfterMs: 60_000,
    });
    await awaitProvider(database.db, id(elsewhere), { providers: ['smtp'], refused: false, checkAfterMs: 60_000 });
    await awaitProvider(database.db, id(later), { providers: ['mailgun'], refused: true, checkAfterMs: 60_000 });
    const health = database.db.updateTable('provider_health');
    await health.set({ state: 'open', trial_at: sql`now() + interval '1 h'` }).execute();
    expect(await dispatch()).toMatchObject({ started: 0, blocked: true });
    await health.set({ state: 'closed' }).where('provider', '=', 'mandrill').execute();

    const woken: ClaimedEmail[] = [];
    const claimOne = async (emails: readonly ClaimedEmail[]) => {
      woken.push(...emails);
      return emails.map(({ emailId }) => emailId);
    };
    await dispatch(claimOne, { limit: 1 });
    expect(woken).toMatchObject([{ emailId: asleep, awaitingProvider: true }]);
    await dispatch(claimOne, { limit: 10 });
    expect(woken.slice(1)).toMatchObject([{ emailId: fresh, awaitingProvider: false }]);
    const { rows } = await sql`select 1 from email_queue where state = 'awaiting_provider'`.execute(database.db);
    expect(rows).toHaveLength(2);
  });

  it('those asleep are looked at by the sweep, so that one whose workflow was ended does not sleep for ever', async () => {
    const asleep = await insertQueuedEmail(database.db, { priority: 'low', state: 'in_flight' });
    const options = { providers: ['mailgun'], refused: false, checkAfterMs: -1 } as const;
    await awaitProvider(database.db, { emailId: asleep, generation: 1 }, options);
    expect(await takeSuspects(database.db, 60_000, 10)).toMatchObject([
      { emailId: asleep, state: 'awaiting_provider' },
    ]);
    const { rows } = await sql<{ s: number }>`select extract(epoch from check_at - now())::float8 as s
      from email_queue where email_id = ${asleep}`.execute(database.db);
    expect(rows[0]!.s).toBeGreaterThan(50);
    expect(rows[0]!.s).toBeLessThanOrEqual(60);
  });

  it('does not count stuck e-mails and those backing off as in flight', async () => {
    const stuck = await insertQueuedEmail(database.db, { priority: 'low', state: 'in_flight' });
    await sql`update email_queue set dispatched_at = now() - interval '3 minutes' where email_id = ${stuck}`.execute(
      database.db,
    );
    await insertQueuedEmail(database.db, { priority: 'low', state: 'backing_off' });
    await insertQueuedEmail(database.db, { priority: 'low' });
    expect(await dispatch(startAll, { limit: 1 })).toMatchObject({ started: 1 });
  });
});

describe('the sweep', () => {
  const suspected = (emailId: string) => ({ emailId, priority: 'low', generation: 1, state: 'in_flight' }) as const;

  it('leaves an e-mail alone that has moved on since it was looked at', async () => {
    const [retried, handedOver] = [
      await insertQueuedEmail(database.db, { priority: 'low', state: 'in_flight' }),
      await insertQueuedEmail(database.db, { priority: 'low', state: 'handed_over' }),
    ];
    const newLife = { generation: 2, state: 'waiting' } as const;
    await database.db.updateTable('email_queue').set(newLife).where('email_id', '=', retried).execute();
    for (const id of [retried, handedOver]) {
      await leaveQueue(database.db, suspected(id));
      await buryStopped(database.db, suspected(id), SHIPPED_STATUSES);
      await requeue(database.db, suspected(id));
    }
    expect((await states()).sort()).toEqual(['handed_over', 'waiting']);
    expect(await database.db.selectFrom('dead_emails').selectAll().execute()).toEqual([]);
  });

  it('looks at overdue e-mails only, and at each once in a while', async () => {
    const id = await insertQueuedEmail(database.db, { priority: 'low' });
    await dispatch(startAll, { checkAfterMs: 60_000 });
    expect(await takeSuspects(database.db, 60_000, 10)).toEqual([]);
    await sql`update email_queue set check_at = now() - interval '1 second'`.execute(database.db);
    expect(await takeSuspects(database.db, 60_000, 10)).toEqual([suspected(id)]);
    expect(await takeSuspects(database.db, 60_000, 10)).toEqual([]);
  });

  it('puts a lost e-mail back in its old place', async () => {
    const lost = await insertQueuedEmail(database.db, { priority: 'low', dueInS: -60 });
    await dispatch();
    await insertQueuedEmail(database.db, { priority: 'low' });
    await requeue(database.db, suspected(lost));
    expect(await states()).toEqual(['waiting', 'waiting']);
    const claimed: string[] = [];
    await dispatch(
      async (emails) => {
        claimed.push(emails[0]!.emailId);
        return startAll(emails);
      },
      { limit: 1 },
    );
    expect(claimed).toEqual([lost]);
  });

  it('buries an e-mail whose workflow an operator ended, once', async () => {
    const id = await insertQueuedEmail(database.db, { priority: 'low', state: 'in_flight' });
    await buryStopped(database.db, suspected(id), SHIPPED_STATUSES);
    await buryStopped(database.db, suspected(id), SHIPPED_STATUSES);
    const letters = await database.db.selectFrom('dead_emails').select(['email_id', 'reason']).execute();
    expect(letters).toEqual([{ email_id: id, reason: 'stopped_in_temporal' }]);
    expect(await states()).toEqual([]);
  });
});

import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, insertClient, type TestDatabase } from '../../../test/support/database.js';
import { projectStatus } from '../../domain/emails/projection.js';
import { loadStatuses } from '../../domain/emails/statuses.js';
import { findEmailView } from '../../domain/emails/view.js';
import type { Db } from '../../postgres/database.js';
import { reasonsAgainst } from './guard.js';
import { LIVES } from './lives.js';
import { planLives } from './plan.js';
import { seed } from './write.js';

const COUNT = 600;
const DAY_MS = 86_400_000;

const countIn = async (db: Db, table: 'emails' | 'email_queue' | 'clients' | 'api_keys') =>
  Number(
    (
      await db
        .selectFrom(table)
        .select(({ fn }) => fn.countAll().as('n'))
        .executeTakeFirstOrThrow()
    ).n,
  );

describe('seeding a running system', () => {
  let database: TestDatabase;
  let db: Db;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.db;
    await seed(db, { count: COUNT, days: 40, inWork: true, seed: 1 });
  });
  afterAll(() => database?.drop());

  it('writes as many e-mails as it was told, of every status that there is', async () => {
    expect(await countIn(db, 'emails')).toBe(COUNT);
    const rows = await db.selectFrom('emails').select('status').distinct().execute();
    const catalogue = await loadStatuses(db);
    expect(rows.map(({ status }) => status).sort()).toEqual([...catalogue.keys()].sort());
  });

  it('gives each the status that its events make', async () => {
    const catalogue = await loadStatuses(db);
    const events = await db.selectFrom('email_events').selectAll().execute();
    const byEmail = groupByEmail(events);
    const emails = await db.selectFrom('emails').select(['id', 'status']).execute();
    const wrong = emails.filter(({ id, status }) => projectStatus(byEmail.get(id) ?? [], catalogue) !== status);
    expect(wrong).toEqual([]);
  });

  it('tells only what has happened: in order, of the days asked for, and each month in its partition', async () => {
    const emails = await db.selectFrom('emails').selectAll().execute();
    const oldest = Date.now() - 41 * DAY_MS;
    expect(emails.filter(({ created_at }) => created_at.getTime() < oldest || created_at > new Date())).toEqual([]);
    const misplaced = emails.filter(
      ({ created_at, dispatched_at, sent_at }) =>
        (dispatched_at && dispatched_at < created_at) || (sent_at && dispatched_at && sent_at < dispatched_at),
    );
    expect(misplaced).toEqual([]);
    const { rows } = await sql`select from only emails_default`.execute(db);
    expect(rows).toEqual([]);
    const later = await db.selectFrom('email_events').select('type').where('occurred_at', '>', new Date()).execute();
    expect(later).toEqual([]);
  });

  it('never leaves two calls open, nor an unfinished e-mail without a place in the queue, nor a finished one with', async () => {
    const catalogue = await loadStatuses(db);
    const emails = await db
      .selectFrom('emails')
      .leftJoin('email_queue', 'email_queue.email_id', 'emails.id')
      .select(['emails.id', 'status', 'state'])
      .execute();
    const isOver = (status: string) => catalogue.get(status)?.final || ['sent', 'deferred'].includes(status);
    expect(emails.filter(({ status, state }) => isOver(status) !== (state === null))).toEqual([]);
    const open = await db
      .selectFrom('send_attempts')
      .innerJoin('emails', 'emails.id', 'email_id')
      .select(['status', 'state'])
      .where('state', 'in', ['calling', 'ambiguous'])
      .execute();
    expect(new Set(open.map(({ status }) => status))).toEqual(new Set(['sending', 'unconfirmed', 'dead']));
  });

  it('gives dead letters their reasons and what was done about them, and suppresses whom it has to', async () => {
    const dead = await db.selectFrom('dead_emails').select(['reason', 'resolution']).execute();
    expect(new Set(dead.map(({ reason }) => reason))).toEqual(
      new Set(['lifetime_over', 'ambiguous', 'stopped_in_temporal']),
    );
    expect(new Set(dead.map(({ resolution }) => resolution))).toEqual(new Set([null, 'retried', 'discarded']));
    const suppressed = await db.selectFrom('suppressions').select('reason').distinct().execute();
    expect(suppressed.map(({ reason }) => reason).sort()).toEqual(['bounced', 'complained', 'manual', 'unsubscribed']);
  });

  it('has each that is over counted among the service levels, once, in time or not', async () => {
    const { rows } = await sql<{ counted: number; over: number; late: number; kept: number }>`select
      (select sum(in_time + late + late_by_pause + dead + failed + suppressed + cancelled) from service_levels)::int
        as counted,
      (select count(*) from emails where sent_at is not null
        or status not in ('scheduled', 'queued', 'sending', 'retrying', 'unconfirmed'))::int as over,
      (select sum(late + late_by_pause) from service_levels)::int as late,
      (select count(*) from late_emails)::int as kept`.execute(db);
    const { counted, over, late, kept } = rows[0]!;
    expect([counted, kept]).toEqual([over, late]);
    expect(late).toBeGreaterThan(0);
  });

  it('has a past on the console’s charts: what waited, and what providers did', async () => {
    const { rows } = await sql<{ samples: number; waited: number; accepted: number; dead: number }>`select
      count(*)::int as samples,
      sum((sample -> 'queues' -> 'low' ->> 'waiting')::int)::int as waited,
      sum((sample -> 'providers' -> 'mailgun' ->> 'accepted')::int)::int as accepted,
      max((sample ->> 'dead_letters')::int)::int as dead from samples`.execute(db);
    const { samples, waited, accepted, dead } = rows[0]!;
    expect(samples).toBeGreaterThan(900);
    for (const number of [waited, accepted, dead]) expect(number).toBeGreaterThan(0);
  });

  it('shows each as the API shows any other', async () => {
    const { id, client_id } = await db
      .selectFrom('emails')
      .select(['id', 'client_id'])
      .where('status', '=', 'clicked')
      .limit(1)
      .executeTakeFirstOrThrow();
    const view = await findEmailView(db, client_id, id);
    expect(view?.events.map(({ type }) => type)).toEqual([
      'queued',
      'sending',
      'sent',
      'delivered',
      'opened',
      'clicked',
    ]);
    expect(view?.attempts).toMatchObject([{ attempt: 1, state: 'accepted' }]);
    expect(view?.receiver).toMatch(/@(\w+\.)?example\.(org|net)>?$/);
  });

  it('adds to what is there, with the clients that are there', async () => {
    const clients = [await countIn(db, 'clients'), await countIn(db, 'api_keys')];
    await seed(db, { count: 50, days: 40, inWork: true, seed: 1 });
    expect(await countIn(db, 'emails')).toBe(COUNT + 50);
    expect([await countIn(db, 'clients'), await countIn(db, 'api_keys')]).toEqual(clients);
  });

  it('writes nothing that would be sent, where real providers send', async () => {
    const queued = await countIn(db, 'email_queue');
    await seed(db, { count: 100, days: 2, inWork: false });
    expect(await countIn(db, 'email_queue')).toBe(queued);
  });
});

describe('planned lives', () => {
  it.each([1, 20, 300, 100_000])('are %d, no more and no less', (count) => {
    const planned = planLives({ count, inWork: true });
    expect(planned.reduce((sum, [, times]) => sum + times, 0)).toBe(count);
    expect(planned.every(([, times]) => times >= 0)).toBe(true);
    if (count >= 300) expect(planned.every(([, times]) => times > 0)).toBe(true);
  });

  it('have shares that make a whole', () => {
    expect(LIVES.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 2);
  });
});

describe('a system that looks like production', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database?.drop());

  const local = { database: 'postgres://u@127.0.0.1:5433/tempost', sandbox: 'http://127.0.0.1:3002' };
  const reasons = (changes: Partial<typeof local> & { sandbox?: string | undefined } = {}, env = {}) =>
    reasonsAgainst({ ...local, ...changes }, database.db, env);

  it('is told by its database, its providers, its environment, and by e-mails of others; npm start is none', async () => {
    expect(await reasons()).toEqual([]);
    expect(await reasons({ database: 'postgres://u@localhost/tempost' })).toEqual([]);
    expect(await reasons({ database: 'postgres://u@[::1]/tempost' })).toEqual([]);
    expect(await reasons({ database: 'postgres://u@db.example.com/tempost' })).toEqual([
      expect.stringContaining('db.example.com'),
    ]);
    expect(await reasons({ sandbox: undefined })).toEqual([expect.stringContaining('real providers')]);
    expect(await reasons({}, { NODE_ENV: 'production' })).toEqual([expect.stringContaining('NODE_ENV')]);
    await seed(database.db, { count: 20, days: 2, inWork: false });
    expect(await reasons()).toEqual([]);
    const { id } = await insertClient(database.db, { name: 'shop' });
    await database.db
      .insertInto('client_usage')
      .values({ client_id: id, priority: 'low', day: '2026-11-01', accepted: 1 })
      .execute();
    expect(await reasons()).toEqual([expect.stringContaining('1 client of')]);
  });
});

function groupByEmail<T extends { email_id: string }>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(row.email_id, [...(groups.get(row.email_id) ?? []), row]);
  return groups;
}

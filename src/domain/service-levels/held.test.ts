import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, insertClient, type TestDatabase } from '../../../test/support/database.js';
import { accept, type Known, live } from '../../../test/support/lives/handed-over.js';
import { patient } from '../../../test/support/patience.js';
import { findLatest, readServiceLevels } from './report.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.db.updateTable('provider_controls').set({ forced: 'closed' }).execute();
  await sql`update service_level_start set counted_from = now() - interval '100 hours'`.execute(database.db);
});
afterAll(() => database.drop());

const HOUR_MS = 3_600_000;
const LOW_S = 3_600;
const around = () => ({ from: new Date(Date.now() - 100 * HOUR_MS), to: new Date(Date.now() + 100 * HOUR_MS) });

/** Times in tens of minutes before now, with odd seconds: whatever is left of them, it is not near an hour. */
const startS = (units: number) => -(units * 600 + 37);
const endS = (units: number) => -(units * 600 + 91);
const dueS = (units: number) => -(units * 600 + 233);

interface Stop {
  readonly from: number;
  /** 0: it goes on. */
  readonly length: number;
  readonly of: Partial<Record<'sender_domain' | 'receiver_domain' | 'tag' | 'priority', string>> | 'all low' | 'client';
}
interface Mail {
  readonly due: number;
  readonly sender: string;
  readonly receiver: string;
  readonly tag: string | undefined;
  readonly handedOver: boolean;
}

const stop: fc.Arbitrary<Stop> = fc.record({
  from: fc.integer({ min: 1, max: 15 }),
  length: fc.nat(15),
  of: fc.oneof(
    fc.constantFrom('all low' as const, 'client' as const),
    fc.record(
      {
        sender_domain: fc.constantFrom('example.com', 'example.org'),
        receiver_domain: fc.constantFrom('a.example', 'b.example'),
        tag: fc.constantFrom('welcome', 'news'),
        priority: fc.constantFrom('low', 'medium'),
      },
      { requiredKeys: ['sender_domain'] },
    ),
    fc.record({ receiver_domain: fc.constantFrom('a.example', 'b.example') }),
    fc.record({ tag: fc.constantFrom('welcome', 'news') }),
  ),
});
const mail: fc.Arbitrary<Mail> = fc.record({
  due: fc.integer({ min: 1, max: 15 }),
  sender: fc.constantFrom('shop@example.com', 'The Shop <shop@Example.COM>', 'shop@example.org', 'x@www.example.com'),
  receiver: fc.constantFrom('reader@a.example', 'reader@b.example', 'reader@www.a.example'),
  tag: fc.constantFrom(undefined, 'welcome', 'news'),
  handedOver: fc.boolean(),
});

/** Whether a stop concerns an e-mail, said once more in plain words. */
function concerns({ of }: Stop, { sender, receiver, tag }: Mail): boolean {
  if (of === 'all low' || of === 'client') return true;
  const domain = sender.replace(/^.*@/, '').replace('>', '').toLowerCase();
  return (
    (of.sender_domain === undefined || of.sender_domain === domain) &&
    (of.receiver_domain === undefined || of.receiver_domain === receiver.split('@')[1]) &&
    (of.tag === undefined || of.tag === tag) &&
    (of.priority === undefined || of.priority === 'low')
  );
}

const spanS = ({ from, length }: Stop) =>
  [startS(from), length === 0 || length >= from ? 0 : endS(from - length)] as const;

/** Second by second: how long it waited while nothing stopped it. */
function waitedS(one: Mail, stops: readonly Stop[]): number {
  const spans = stops.filter((each) => concerns(each, one)).map(spanS);
  let seconds = 0;
  for (let at = dueS(one.due); at < 0; at++) if (!spans.some(([from, to]) => from <= at && at < to)) seconds++;
  return seconds;
}

const expected = (one: Mail, stops: readonly Stop[]) => {
  if (-dueS(one.due) <= LOW_S) return one.handedOver ? 'in_time' : 'pending';
  return waitedS(one, stops) <= LOW_S ? 'late_by_pause' : 'late';
};

/** As it was begun and ended then. */
async function begin(each: Stop, client: string): Promise<void> {
  const [from, to] = spanS(each);
  const at = (s: number) => sql<Date>`now() + make_interval(secs => ${s})`;
  const until = to === 0 ? null : at(to);
  if (each.of === 'all low') {
    const values = { priority: 'low', cause: 'paused', from_at: at(from), until_at: until } as const;
    await database.db.insertInto('send_stops').values(values).execute();
    return;
  }
  const of = each.of === 'client' ? { client_id: client } : (each.of as object);
  const values = { ...of, reason: 'test', created_at: at(from), released_at: until };
  await database.db.insertInto('holds').values(values).execute();
}

/** A priority is paused or it is not: of those that go on, there is one pause at most. */
const possible = (stops: readonly Stop[]) =>
  stops.filter((one, n) => {
    const goesOn = (each: Stop) => each.of === 'all low' && spanS(each)[1] === 0;
    return !goesOn(one) || stops.findIndex(goesOn) === n;
  });

async function end(): Promise<void> {
  const now = sql<Date>`now()`;
  await database.db.updateTable('holds').set({ released_at: now }).where('released_at', 'is', null).execute();
  await database.db.updateTable('send_stops').set({ until_at: now }).where('until_at', 'is', null).execute();
}

async function handOver(email: Known): Promise<void> {
  const answer = { kind: 'accepted', providerMessageId: 'theirs' } as const;
  await live(database.db, email, { do: 'try', provider: 'mailgun', answer });
}

async function acceptAs(one: Mail, client: string): Promise<Known> {
  const email = await accept(database.db, client, 'low', dueS(one.due));
  const { sender, receiver, tag } = one;
  await database.db
    .updateTable('emails')
    .set({ sender, receiver, receiver_address: receiver, tags: tag ? [tag] : [] })
    .where('id', '=', email.id)
    .execute();
  return email;
}

const KINDS = ['in_time', 'pending', 'late', 'late_by_pause'] as const;

async function told(client: string) {
  const levels = await readServiceLevels(database.db, { ...around(), by: 'month', client });
  return Object.fromEntries(KINDS.map((kind) => [kind, levels.reduce((sum, level) => sum + level[kind], 0)]));
}

describe('what is late because it was held', () => {
  it(
    'is told apart to the e-mail, together with pauses, whatever the holds concern and however they overlap',
    async () => {
      const { db } = database;
      let apart = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(stop, { minLength: 1, maxLength: 4 }).map(possible),
          fc.array(mail, { minLength: 1, maxLength: 6 }),
          async (stops, mails) => {
            await db.deleteFrom('holds').execute();
            await db.deleteFrom('send_stops').execute();
            const { id: client } = await insertClient(db);
            for (const each of stops) await begin(each, client);
            const emails = await Promise.all(mails.map((one) => acceptAs(one, client)));
            const kinds = mails.map((one) => expected(one, stops));
            const count = (of: readonly string[]) =>
              Object.fromEntries(KINDS.map((kind) => [kind, of.filter((each) => each === kind).length]));
            // While nothing has been handed over, what will be in time is pending.
            expect(await told(client)).toEqual(count(kinds.map((kind) => (kind === 'in_time' ? 'pending' : kind))));
            await end();
            for (const [n, one] of mails.entries()) if (one.handedOver) await handOver(emails[n]!);
            expect(await told(client)).toEqual(count(kinds));
            const latest = await findLatest(db, { ...around(), client }, 20);
            const byPause = emails.filter((_, n) => kinds[n] === 'late_by_pause').map(({ id }) => id);
            expect(latest.flatMap(({ id, late_by_pause }) => (late_by_pause ? id : [])).sort()).toEqual(byPause.sort());
            apart += byPause.length;
          },
        ),
        { numRuns: 60 },
      );
      expect(apart).toBeGreaterThan(0);
    },
    patient(60_000),
  );

  it('stays told apart when a hold begins or ends afterwards', async () => {
    const { db } = database;
    await db.deleteFrom('holds').execute();
    await db.deleteFrom('send_stops').execute();
    const { id: client } = await insertClient(db);
    const one: Mail = { due: 12, sender: 'a@example.com', receiver: 'b@a.example', tag: undefined, handedOver: true };
    const late = await acceptAs(one, client);
    await handOver(late);
    await begin({ from: 13, length: 0, of: 'client' }, client);
    const held = await acceptAs(one, client);
    expect(await told(client)).toMatchObject({ late: 1, late_by_pause: 1 });
    await end();
    await handOver(held);
    await db.deleteFrom('holds').execute();
    expect(await told(client)).toMatchObject({ late: 1, late_by_pause: 1 });
  });

  it('counts as a query over the record says', async () => {
    const { rows } = await sql<{ record: number; counters: number; listed: number }>`
      select (select count(*) from emails where late_by_pause) as record,
        (select sum(late_by_pause) from service_levels) as counters,
        (select count(*) from late_emails where by_pause) as listed`.execute(database.db);
    const { record, counters, listed } = rows[0]!;
    expect(Number(record)).toBeGreaterThan(0);
    expect([Number(counters), Number(listed)]).toEqual([Number(record), Number(record)]);
  });
});

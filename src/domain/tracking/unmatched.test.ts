import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { answerOf, readRecord } from '../../../test/support/record.js';
import {
  insertEmail,
  mandrillEvent,
  nowS,
  postMandrill,
  startTestWebhooks,
  type TestEmail,
  type TestWebhooks,
} from '../../../test/support/webhooks.js';
import type { Db } from '../../postgres/database.js';
import { completeMonthIndexes } from '../../postgres/month-index.js';
import { recordOutcome } from '../attempts/outcomes.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { MESSAGE_INDEX } from './message-index.js';
import { type MatchedEvent, matchUnmatched } from './unmatched.js';

/** Events that name nothing of ours, only Mandrill's id of the message. */
let database: TestDatabase;
let service: TestWebhooks;
let record: ReturnType<typeof readRecord>;
beforeAll(async () => {
  database = await createTestDatabase();
  record = readRecord(database.db);
  service = await startTestWebhooks({ databaseUrl: database.url, temporalAddress: '127.0.0.1:1' });
});
afterAll(async () => {
  await service.stop();
  await database.drop();
});

let ids = 0;
const messageId = () => (ids++).toString(16).padStart(32, 'f0');

const sentEmail = async (id: string): Promise<TestEmail> => {
  const email = await insertEmail(database.db, [{ provider: 'mandrill', state: 'accepted' }]);
  await database.db
    .updateTable('send_attempts')
    .set({ provider_message_id: id })
    .where('email_id', '=', email.id)
    .execute();
  return email;
};
/** As a receiver's click shows it days later; or with other fields. */
const nameless = (event: string, id: string, fields: Record<string, unknown> = {}) => {
  const { msg, ...rest } = fields as { msg?: object };
  const message = { _id: id, metadata: [], ts: nowS(), email: 'reader@example.org', ...msg };
  return mandrillEvent({ id: 'nothing' }, event, { _id: id, ...rest, msg: message });
};
const post = async (...events: unknown[]) => answerOf(await postMandrill(service.url, events));
const keptOf = (id: string) =>
  database.db.selectFrom('unmatched_webhooks').selectAll().where('provider_message_id', '=', id).execute();
let told: MatchedEvent[] = [];
const match = () => matchUnmatched(database.db, SHIPPED_STATUSES, 50, (event) => told.push(event));
const makeDue = (id: string) =>
  database.db
    .updateTable('unmatched_webhooks')
    .set({ match_at: sql<Date>`now()` })
    .where('provider_message_id', '=', id)
    .where('match_at', 'is not', null)
    .execute();

describe('an event with an id of Mandrill’s and nothing of ours', () => {
  it('is stored with the e-mail whose attempt holds that id, with all that follows from it', async () => {
    const id = messageId();
    const email = await sentEmail(id);
    expect(await post(nameless('hard_bounce', id), nameless('open', messageId()))).toEqual([200]);
    expect(await record.statusOf(email)).toBe('bounced');
    expect(await record.eventsOf(email)).toMatchObject([{ type: 'bounced', generation: 1, attempt: 1 }]);
    expect((await record.suppressionOf(email))?.reason).toBe('bounced');
    expect(await record.signalsOf(email)).toEqual(['failed']);
    expect(await keptOf(id)).toEqual([]);
  });

  it('is found also when it comes days after the e-mail was sent', async () => {
    const id = messageId();
    const email = await sentEmail(id);
    await post(nameless('open', id, { ts: nowS() + 5 * 86_400, msg: { ts: nowS() } }));
    expect(await record.statusOf(email)).toBe('opened');
  });

  it('that comes before the answer is written down is matched afterwards, once', async () => {
    const email = await insertEmail(database.db, [{ provider: 'mandrill', state: 'calling', callUntilS: 60 }]);
    const id = messageId();
    const event = nameless('delivered', id);
    expect([await post(event), await post(event)]).toEqual([[200], [200]]);
    expect(await keptOf(id)).toMatchObject([{ reason: 'no_email_id', match_tries: 0 }]);
    expect(await match()).toBe(0);

    await makeDue(id);
    expect(await match()).toBe(1);
    expect(await keptOf(id)).toMatchObject([{ match_tries: 1, match_at: expect.any(Date) }]);

    const attempt = { emailId: email.id, generation: 1, attempt: 1, provider: 'mandrill' as const };
    const answer = { result: { kind: 'accepted', providerMessageId: id }, lastOfRound: true, noted: false } as const;
    await recordOutcome(database.db, attempt, answer, SHIPPED_STATUSES);
    await makeDue(id);
    told = [];
    await match();
    expect(told).toEqual([{ emailId: email.id, provider: 'mandrill', type: 'delivered' }]);
    expect(await record.statusOf(email)).toBe('delivered');
    expect(await record.signalsOf(email)).toEqual(['delivered']);
    expect(await keptOf(id)).toEqual([]);

    await post(event);
    expect((await record.eventsOf(email)).filter(({ type }) => type === 'delivered')).toHaveLength(1);
    expect(await keptOf(id)).toEqual([]);
  });

  it('is looked for by several at once and stored once', async () => {
    const id = messageId();
    await post(nameless('open', id), nameless('click', id, { url: 'https://example.org/' }));
    const email = await sentEmail(id);
    await makeDue(id);
    await Promise.all([match(), match(), match()]);
    expect((await record.eventsOf(email)).map(({ type }) => type).sort()).toEqual(['clicked', 'opened']);
    expect(await keptOf(id)).toEqual([]);
  });

  it('of another system is looked for seven times, and then kept as it is', async () => {
    const id = messageId();
    await post(nameless('open', id));
    for (let times = 0; times < 8; times++) {
      await makeDue(id);
      await match();
    }
    expect(await keptOf(id)).toMatchObject([{ match_at: null, match_tries: 7 }]);
  });

  it('of an e-mail that waited for weeks is found by the later looks', async () => {
    const id = messageId();
    const email = await sentEmail(id);
    // Accepted weeks before it was sent: seen from the e-mail, Mandrill's time lies ahead.
    const taken = Date.now() + 20 * 86_400_000;
    await post(nameless('open', id, { msg: { ts: Math.floor(taken / 1000) } }));
    for (let times = 0; times < 4 && (await keptOf(id)).length > 0; times++) {
      await makeDue(id);
      await match();
    }
    expect(await record.statusOf(email)).toBe('opened');
  });
});

describe('the index of Mandrill’s ids', () => {
  const plan = async (db: Db) => {
    const { rows } = await sql<{ 'QUERY PLAN': string }>`explain select from send_attempts
      where left(email_id::text, 7) = any(${['0190000']}) and left(provider_message_id, 12) = any(${['x']})
        and provider_message_id is not null and provider = 'mandrill'`.execute(db);
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  };
  const covered = async () => {
    const { rows } = await sql<{ valid: boolean; leaves: number; all: number }>`
      select i.indisvalid as valid,
        (select count(*) from pg_inherits where inhparent = i.indexrelid) as leaves,
        (select count(*) from pg_inherits where inhparent = 'send_attempts'::regclass) as all
      from pg_index i where i.indexrelid = 'send_attempts_by_message'::regclass`.execute(database.db);
    return rows[0]!;
  };

  it('covers every month of a new database, and is what is looked in', async () => {
    const { valid, leaves, all } = await covered();
    expect([valid, leaves]).toEqual([true, all]);
    const chosen = await database.db.transaction().execute(async (trx) => {
      await sql`set local enable_seqscan = off`.execute(trx);
      return plan(trx);
    });
    expect(chosen).toContain('left');
    expect(chosen).not.toContain('Seq Scan');
  });

  it('is completed beside the traffic for a month that was too large to wait for, also after a try that broke off', async () => {
    const { rows } = await sql<{ leaf: string }>`select inhrelid::regclass::text as leaf from pg_inherits
      where inhparent = 'send_attempts'::regclass order by 1`.execute(database.db);
    const leaf = rows[0]!.leaf;
    await sql`drop index send_attempts_by_message`.execute(database.db);
    await sql`create index send_attempts_by_message on only send_attempts
      (left(email_id::text, 7), left(provider_message_id, 12))
      where provider = 'mandrill' and provider_message_id is not null`.execute(database.db);
    await sql`create index ${sql.ref(`${leaf}_by_message`)} on ${sql.table(leaf)} (attempt)`.execute(database.db);
    expect(await covered()).toMatchObject({ valid: false, leaves: 0 });
    await Promise.all([
      completeMonthIndexes(database.db, [MESSAGE_INDEX]),
      completeMonthIndexes(database.db, [MESSAGE_INDEX]),
    ]);
    const { valid, leaves, all } = await covered();
    expect([valid, leaves]).toEqual([true, all]);
    const { rows: settings } = await sql<{ statement_timeout: string }>`show statement_timeout`.execute(database.db);
    expect(settings[0]?.statement_timeout).toBe('30s');
  });
});

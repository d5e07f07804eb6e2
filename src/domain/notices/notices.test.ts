import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, insertClient, type TestDatabase } from '../../../test/support/database.js';
import { insertAttempts, insertDeadEmail } from '../../../test/support/dead.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { storeEvents } from '../../../test/support/provider-events.js';
import { retryEmail } from '../actions/retry.js';
import { recordOutcome } from '../attempts/outcomes.js';
import { addSender, removeSender } from '../clients/senders.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { sendDigests, setNoticePolicy } from './notices.js';

let database: TestDatabase;
let clientId: string;
beforeAll(async () => {
  database = await createTestDatabase();
  await setNoticePolicy(database.db, { sender: 'postmaster@mail.example.com', perHour: 2, deadlineMs: 900_000 });
});
afterAll(() => database.drop());
beforeEach(async () => {
  clientId = (await insertClient(database.db)).id;
});

const notices = () =>
  database.db
    .selectFrom('emails')
    .selectAll()
    .where('client_id', '=', clientId)
    .where('notice_for', 'is not', null)
    .orderBy('id')
    .execute();

let eventCount = 0;
async function bounce(id: string, attempt = 1): Promise<void> {
  const event = {
    provider: 'mailgun',
    providerEventId: `bounce-${eventCount++}`,
    type: 'bounced',
    generation: 1,
    attempt,
    occurredAt: new Date(),
    providerMessageId: 'm',
    metadata: {},
  } as const;
  await storeEvents(database.db, id, [event]);
}

async function insertSent(): Promise<string> {
  const id = await insertQueuedEmail(database.db, { clientId, state: 'handed_over' });
  await insertAttempts(database.db, id, [{ state: 'accepted' }]);
  return id;
}

async function reject(code: string): Promise<string> {
  const id = await insertQueuedEmail(database.db, { clientId, state: 'in_flight' });
  await insertAttempts(database.db, id, [{ state: 'calling' }]);
  const answer = { result: { kind: 'rejected', code }, lastOfRound: false, noted: false } as const;
  const attempt = { emailId: id, generation: 1, attempt: 1, provider: 'mailgun' } as const;
  await recordOutcome(database.db, attempt, answer, SHIPPED_STATUSES);
  return id;
}

/** As if an hour had passed since the sender was first told. */
const anHourLater = () =>
  database.db
    .updateTable('failure_notices')
    .set({ window_from: sql<Date>`window_from - interval '61 minutes'` })
    .where('client_id', '=', clientId)
    .execute();

describe('the sender of an e-mail that finally failed', () => {
  it('is not told when the client may not send as it any more, by itself nor in a digest', async () => {
    await addSender(database.db, clientId, 'shop@example.com');
    await removeSender(database.db, clientId, '*');
    await reject('http_400');
    expect(await notices()).toHaveLength(1);
    for (let more = 0; more < 4; more++) await reject('http_400');
    expect(await notices()).toHaveLength(2);
    await removeSender(database.db, clientId, 'shop@example.com');
    await reject('http_400');
    await anHourLater();
    expect(await sendDigests(database.db, 10)).toBe(1);
    expect(await notices()).toHaveLength(2);
  });

  it('is told of a refusal in plain words, by an e-mail that waits to be sent', async () => {
    const id = await reject('http_400');
    const [notice, ...others] = await notices();
    expect(others).toEqual([]);
    expect(notice).toMatchObject({
      notice_for: id,
      receiver: 'shop@example.com',
      sender: 'postmaster@mail.example.com',
      priority: 'medium',
      status: 'queued',
      subject: 'Not delivered: Your order',
    });
    for (const part of ['reader@example.org', 'Your order', 'the mail provider refused it', id]) {
      expect(notice!.content).toContain(part);
    }
    const place = await database.db
      .selectFrom('email_queue')
      .select('state')
      .where('email_id', '=', notice!.id)
      .executeTakeFirst();
    expect(place?.state).toBe('waiting');
  });

  it('is told of a bounce', async () => {
    await bounce(await insertSent());
    expect((await notices())[0]!.content).toContain("the receiver's mail server refused it");
  });

  it.each([
    ['lifetime_over', /no mail provider could take it/],
    ['ambiguous', /may have arrived/],
    ['stopped_in_temporal', /stopped by an operator/],
  ] as const)('is told of a death by %s', async (reason, words) => {
    await insertDeadEmail(database.db, { clientId, reason });
    expect((await notices())[0]!.content).toMatch(words);
  });

  it('is told once, however often the failure is reported', async () => {
    const id = await insertSent();
    await Promise.all([bounce(id), bounce(id), bounce(id)]);
    expect(await notices()).toHaveLength(1);
  });

  it('is told again when another generation fails', async () => {
    const id = await insertDeadEmail(database.db, { clientId });
    const deadlineMs = { critical: 1, medium: 1, low: 1 };
    await retryEmail(database.db, { emailId: id, clientId: null, by: 'operator', deadlineMs }, SHIPPED_STATUSES);
    await insertAttempts(database.db, id, [
      { state: 'refused', generation: 2 },
      { state: 'calling', generation: 2 },
    ]);
    const answer = { result: { kind: 'rejected', code: 'http_400' }, lastOfRound: false, noted: false } as const;
    const attempt = { emailId: id, generation: 2, attempt: 2, provider: 'mailgun' } as const;
    await recordOutcome(database.db, attempt, answer, SHIPPED_STATUSES);
    expect(await notices()).toHaveLength(2);
  });

  it('is not told when the client has switched it off', async () => {
    await database.db.updateTable('clients').set({ failure_notices: false }).where('id', '=', clientId).execute();
    await reject('http_400');
    expect(await notices()).toEqual([]);
  });

  it('is never told of a notice that failed', async () => {
    await reject('http_400');
    const [notice] = await notices();
    await insertAttempts(database.db, notice!.id, [{ state: 'accepted' }]);
    await bounce(notice!.id);
    expect(await notices()).toHaveLength(1);
  });
});

describe('many failures of one sender', () => {
  it('are told one by one up to the bound, then in one digest when the hour is over', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 5; count++) ids.push(await reject('http_400'));
    expect(await notices()).toHaveLength(2);
    expect(await sendDigests(database.db, 10)).toBe(0);

    await anHourLater();
    expect(await sendDigests(database.db, 10)).toBe(1);
    expect(await sendDigests(database.db, 10)).toBe(0);
    const [, , digest, ...others] = await notices();
    expect(others).toEqual([]);
    expect(digest!.subject).toBe('3 more of your e-mails not delivered');
    for (const id of ids.slice(2)) expect(digest!.content).toContain(id);
    expect(digest!.content).not.toContain(ids[0]);
  });

  it('that go on after the hour wait for the digest, and none is lost or told twice', async () => {
    for (let count = 0; count < 3; count++) await reject('http_400');
    await anHourLater();
    await reject('http_400');
    expect(await notices()).toHaveLength(2);
    await sendDigests(database.db, 10);
    expect((await notices()).at(-1)!.subject).toBe('2 more of your e-mails not delivered');
  });

  it('are told one by one again in a later hour', async () => {
    for (let count = 0; count < 2; count++) await reject('http_400');
    await anHourLater();
    await reject('http_400');
    expect(await notices()).toHaveLength(3);
  });

  it('side by side never exceed the bound', async () => {
    await Promise.all(Array.from({ length: 6 }, () => reject('http_400')));
    expect(await notices()).toHaveLength(2);
  });
});

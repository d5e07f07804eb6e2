import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { storeEvents } from '../../../test/support/provider-events.js';
import type { SendResult } from '../../providers/provider.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { recordOutcome } from './outcomes.js';
import { askPermission, type Permission } from './permission.js';
import { abandon, adoptLookUp, findOpenAttempt } from './unknown-outcomes.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ poolSize: 20 });
  // The breaker has tests of its own; here every failure would be one more of the same provider's.
  await database.db.updateTable('provider_controls').set({ forced: 'closed' }).execute();
});
afterAll(() => database.drop());

const request = (emailId: string, overrides: Partial<Parameters<typeof askPermission>[1]> = {}) => ({
  emailId,
  generation: 1,
  provider: 'mailgun' as const,
  dispatchedAtMs: Date.now(),
  callTimeoutMs: 5_000,
  lifetimeMs: 3_600_000,
  ...overrides,
});
const ask = (emailId: string, overrides = {}) =>
  askPermission(database.db, request(emailId, overrides), SHIPPED_STATUSES);
const granted = (permission: Permission) => {
  if (permission.kind !== 'granted') throw new Error(`not granted: ${permission.kind}`);
  return permission.attempt;
};
const answer = (emailId: string, attempt: number, result: SendResult, provider: 'mailgun' | 'mandrill' = 'mailgun') =>
  recordOutcome(
    database.db,
    { emailId, generation: 1, attempt, provider },
    { result, lastOfRound: true, noted: true },
    SHIPPED_STATUSES,
  );
const emailOf = (id: string) =>
  database.db.selectFrom('emails').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
const queueOf = (id: string) =>
  database.db.selectFrom('email_queue').selectAll().where('email_id', '=', id).executeTakeFirst();
const UNAVAILABLE = { kind: 'unavailable', code: 'http_503' } as const;
const ACCEPTED = { kind: 'accepted', providerMessageId: '<1@provider>' } as const;

describe('permission to call', () => {
  it('lasts longer for a large message', async () => {
    const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
    const begunAt = performance.now();
    const size = { callTimeoutPerMbMs: 2_000, attachmentBytes: 18 * 1024 * 1024 };
    const permission = await ask(id, size);
    if (permission.kind !== 'granted') throw new Error(permission.kind);
    expect(permission.sizeBytes).toBe(size.attachmentBytes + 'Thank you for your order.'.length);
    expect(permission.abortAt - begunAt).toBeGreaterThan(41_000);
    const again = await ask(id);
    expect(again.kind === 'busy' && again.waitMs).toBeGreaterThan(35_000);
  });

  it('is given to one of many that ask at the same time', async () => {
    const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
    const permissions = await Promise.all(Array.from({ length: 15 }, () => ask(id)));
    expect(permissions.filter((one) => one.kind === 'granted')).toHaveLength(1);
    expect(permissions.filter((one) => one.kind === 'busy')).toHaveLength(14);
    expect((await emailOf(id)).status).toBe('sending');
  });

  it('is held by the database itself: a second open attempt cannot be written', async () => {
    const id = await insertQueuedEmail(database.db);
    granted(await ask(id));
    const second = database.db
      .insertInto('send_attempts')
      .values({
        email_id: id,
        generation: 1,
        attempt: 2,
        provider: 'mandrill',
        state: 'calling',
        started_at: new Date(),
        call_until: new Date(),
      })
      .execute();
    await expect(second).rejects.toMatchObject({ code: '23505' });
  });

  it('is refused once any provider has accepted, whichever asks', async () => {
    const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
    expect(await answer(id, granted(await ask(id)), ACCEPTED)).toEqual({ kind: 'accepted', provider: 'mailgun' });
    expect(await ask(id, { provider: 'mandrill' })).toEqual({ kind: 'accepted', provider: 'mailgun' });
    expect(await emailOf(id)).toMatchObject({
      status: 'sent',
      provider: 'mailgun',
      provider_message_id: '<1@provider>',
    });
    expect(await queueOf(id)).toMatchObject({ state: 'handed_over' });
  });

  it('leaves a call whose time is over without an answer to reconciliation', async () => {
    const id = await insertQueuedEmail(database.db);
    granted(await ask(id, { callTimeoutMs: 1 }));
    await expect.poll(async () => (await ask(id)).kind).toBe('ambiguous');
  });

  it('is given also when the attempt before was made months ago, as before a long pause', async () => {
    const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
    await answer(id, granted(await ask(id)), UNAVAILABLE);
    await sql`update send_attempts set started_at = started_at - interval '1 year', call_until = call_until - interval
      '1 year' where email_id = ${id}`.execute(database.db);
    expect(granted(await ask(id, { provider: 'mandrill' }))).toBe(2);
    await sql`update send_attempts set started_at = started_at - interval '1 year', call_until = call_until - interval
      '1 year' where email_id = ${id}`.execute(database.db);
    expect(await findOpenAttempt(database.db, id, 1)).toMatchObject({ state: 'calling', attempt: 2 });
  });

  it('passes on to the next provider after a refusal, and counts the attempts', async () => {
    const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
    const first = await answer(id, granted(await ask(id)), { ...UNAVAILABLE, retryAfterMs: 7_000 });
    expect(first).toEqual({ kind: 'refused', code: 'http_503', retryAfterMs: 7_000 });
    expect(await emailOf(id)).toMatchObject({ status: 'retrying' });
    expect(await queueOf(id)).toMatchObject({ state: 'backing_off' });
    expect(granted(await ask(id, { provider: 'mandrill' }))).toBe(2);
    expect(await queueOf(id)).toMatchObject({ state: 'in_flight' });
  });

  it('ends a rejected e-mail as failed', async () => {
    const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
    const outcome = await answer(id, granted(await ask(id)), { kind: 'rejected', code: 'http_400' });
    expect(outcome).toEqual({ kind: 'ended', status: 'failed', code: 'http_400' });
    expect(await ask(id)).toEqual({ kind: 'ended', status: 'failed' });
    expect(await queueOf(id)).toBeUndefined();
  });

  it('is refused for a suppressed address, without an attempt', async () => {
    const id = await insertQueuedEmail(database.db, { receiver: 'gone@example.org', state: 'in_flight' });
    const { client_id } = await emailOf(id);
    await database.db
      .insertInto('suppressions')
      .values({ client_id, address: 'gone@example.org', reason: 'bounced' })
      .execute();
    expect(await ask(id)).toEqual({ kind: 'ended', status: 'suppressed' });
    expect(await database.db.selectFrom('send_attempts').where('email_id', '=', id).selectAll().execute()).toEqual([]);
  });

  it('is refused past the lifetime: the e-mail is dead', async () => {
    const id = await insertQueuedEmail(database.db, { dueInS: -120, state: 'in_flight' });
    expect(await ask(id, { lifetimeMs: 60_000 })).toEqual({ kind: 'ended', status: 'dead' });
    const letter = await database.db.selectFrom('dead_emails').selectAll().where('email_id', '=', id).execute();
    expect(letter).toMatchObject([{ generation: 1, reason: 'lifetime_over' }]);
  });

  it('is refused to a workflow of an older generation', async () => {
    const id = await insertQueuedEmail(database.db);
    await database.db.updateTable('emails').set({ generation: 2 }).where('id', '=', id).execute();
    expect((await ask(id)).kind).toBe('ended');
  });
});

describe('an ambiguous attempt', () => {
  const ambiguous = async () => {
    const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
    const attempt = granted(await ask(id));
    expect(await answer(id, attempt, { kind: 'ambiguous', code: 'timeout' })).toMatchObject({ kind: 'ambiguous' });
    expect((await emailOf(id)).status).toBe('unconfirmed');
    const open = await findOpenAttempt(database.db, id, 1);
    if (open?.state !== 'ambiguous') throw new Error('no ambiguous attempt');
    return { id, open };
  };

  it('forbids the next call', async () => {
    const { id } = await ambiguous();
    expect(await ask(id, { provider: 'mandrill' })).toEqual({ kind: 'ambiguous' });
  });

  it('is adopted when the look-up finds it', async () => {
    const { id, open } = await ambiguous();
    expect(await adoptLookUp(database.db, open, '<1@provider>', SHIPPED_STATUSES)).toMatchObject({ kind: 'accepted' });
    expect(await ask(id, { provider: 'mandrill' })).toEqual({ kind: 'accepted', provider: 'mailgun' });
    expect((await emailOf(id)).status).toBe('sent');
  });

  const webhook = (id: string) =>
    storeEvents(database.db, id, [
      {
        provider: 'mailgun',
        providerEventId: 'event-1',
        type: 'delivered',
        generation: 1,
        attempt: 1,
        occurredAt: new Date(),
        providerMessageId: '1@provider',
        metadata: {},
      },
    ]);

  it('is adopted when a webhook proves it, and the workflow is told', async () => {
    const { id, open } = await ambiguous();
    expect(await webhook(id)).toEqual({ signals: ['evidence', 'delivered'], status: 'delivered' });
    expect(await findOpenAttempt(database.db, id, 1)).toEqual({ state: 'accepted', provider: 'mailgun' });
    expect(await abandon(database.db, open, 'send_again', SHIPPED_STATUSES)).toMatchObject({ kind: 'accepted' });
  });

  it('that the record does not know, as after a restored backup: its delivery keeps the e-mail from being sent', async () => {
    const id = await insertQueuedEmail(database.db);
    expect(await webhook(id)).toMatchObject({ status: 'delivered' });
    expect(await ask(id)).toEqual({ kind: 'ended', status: 'delivered' });
    expect(await queueOf(id)).toBeUndefined();
    expect(await emailOf(id)).toMatchObject({ provider: 'mailgun', sent_at: expect.any(Date) });
  });

  it('may be given up, and a proof that comes later is still counted', async () => {
    const { id, open } = await ambiguous();
    expect(await abandon(database.db, open, 'send_again', SHIPPED_STATUSES)).toMatchObject({ kind: 'refused' });
    expect(granted(await ask(id, { provider: 'mandrill' }))).toBe(2);
    await answer(id, 2, ACCEPTED, 'mandrill');
    await webhook(id);
    const attempts = await database.db
      .selectFrom('send_attempts')
      .select(['provider', 'state'])
      .where('email_id', '=', id)
      .orderBy('attempt')
      .execute();
    expect(attempts).toEqual([
      { provider: 'mailgun', state: 'accepted' },
      { provider: 'mandrill', state: 'accepted' },
    ]);
  });

  it('may be buried, and a proof that comes later brings the e-mail back', async () => {
    const { id, open } = await ambiguous();
    expect(await abandon(database.db, open, 'bury', SHIPPED_STATUSES)).toEqual({ kind: 'ended', status: 'dead' });
    await webhook(id);
    expect((await emailOf(id)).status).toBe('delivered');
  });

  it('takes a late answer for what it is', async () => {
    const { id } = await ambiguous();
    expect(await answer(id, 1, ACCEPTED)).toEqual({ kind: 'accepted', provider: 'mailgun' });
    expect((await emailOf(id)).status).toBe('sent');
  });
});

describe('writing an outcome down', () => {
  it('twice changes nothing', async () => {
    const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
    const attempt = granted(await ask(id));
    await answer(id, attempt, ACCEPTED);
    const before = await emailOf(id);
    expect(await answer(id, attempt, ACCEPTED)).toEqual({ kind: 'accepted', provider: 'mailgun' });
    expect(await emailOf(id)).toEqual(before);
  });

  it('loses against evidence that came first', async () => {
    const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
    const attempt = granted(await ask(id));
    await answer(id, attempt, ACCEPTED);
    expect(await answer(id, attempt, UNAVAILABLE)).toEqual({ kind: 'accepted', provider: 'mailgun' });
    expect((await emailOf(id)).status).toBe('sent');
  });
});

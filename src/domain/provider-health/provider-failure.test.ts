import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertAttempts } from '../../../test/support/dead.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { storeEvents } from '../../../test/support/provider-events.js';
import type { AttemptState } from '../../postgres/schema.js';
import { recordOutcome } from '../attempts/outcomes.js';
import { askPermission } from '../attempts/permission.js';
import { markOutcomeUnknown } from '../attempts/unknown-outcomes.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';

/** Mandrill tells of what it rejects by a webhook as well: a message that it did not take. */
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.db.updateTable('provider_controls').set({ forced: 'closed' }).execute();
});
afterAll(() => database.drop());

const attemptOf = (emailId: string) => ({ emailId, generation: 1, attempt: 1, provider: 'mandrill' }) as const;

async function insertAttempted(state: AttemptState): Promise<string> {
  const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
  await insertAttempts(database.db, id, [{ provider: 'mandrill', state, callUntilS: 60 }]);
  return id;
}

const failed = (id: string) =>
  storeEvents(database.db, id, [
    {
      ...attemptOf(id),
      providerEventId: 'reject',
      type: 'failed',
      notTaken: true,
      occurredAt: new Date(),
      providerMessageId: 'theirs',
      metadata: { reason: 'unsigned' },
    },
  ]);

async function stateOf(id: string) {
  const { db } = database;
  const email = await db.selectFrom('emails').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const { state } = await db
    .selectFrom('send_attempts')
    .select('state')
    .where('email_id', '=', id)
    .executeTakeFirstOrThrow();
  return { status: email.status, attempt: state, handedOver: email.sent_at !== null || email.provider !== null };
}

const ask = (emailId: string) =>
  askPermission(
    database.db,
    { emailId, generation: 1, provider: 'mailgun', dispatchedAtMs: 0, callTimeoutMs: 1_000, lifetimeMs: 3_600_000 },
    SHIPPED_STATUSES,
  );

describe('a provider that says by webhook that it rejects a message', () => {
  it('does not make a rejected attempt one that was taken', async () => {
    const id = await insertAttempted('calling');
    const rejected = { result: { kind: 'rejected', code: 'rejected_spam' }, lastOfRound: true, noted: true } as const;
    await recordOutcome(database.db, attemptOf(id), rejected, SHIPPED_STATUSES);
    await failed(id);
    expect(await stateOf(id)).toEqual({ status: 'failed', attempt: 'rejected', handedOver: false });
  });

  it('does not end an e-mail that is to go to the next provider', async () => {
    const id = await insertAttempted('calling');
    const refused = { result: { kind: 'unavailable', code: 'unsigned' }, lastOfRound: false, noted: true } as const;
    await recordOutcome(database.db, attemptOf(id), refused, SHIPPED_STATUSES);
    expect((await failed(id)).signals).toEqual([]);
    expect(await stateOf(id)).toEqual({ status: 'retrying', attempt: 'refused', handedOver: false });
    expect((await ask(id)).kind).toBe('granted');
    const kept = await database.db
      .selectFrom('email_events')
      .select('metadata')
      .where('type', '=', 'not_taken')
      .execute();
    expect(kept).toEqual([{ metadata: { reason: 'unsigned' } }]);
  });

  it('settles an attempt whose outcome was unknown: it was not taken', async () => {
    const id = await insertAttempted('ambiguous');
    expect([...(await failed(id)).signals].sort()).toEqual(['evidence', 'failed']);
    expect(await stateOf(id)).toEqual({ status: 'failed', attempt: 'rejected', handedOver: false });
    expect(await ask(id)).toEqual({ kind: 'ended', status: 'failed' });
  });

  it('leaves an attempt to its caller while it is being made', async () => {
    const id = await insertAttempted('calling');
    expect((await failed(id)).signals).toEqual([]);
    expect(await stateOf(id)).toEqual({ status: 'queued', attempt: 'calling', handedOver: false });
    const refused = { result: { kind: 'unavailable', code: 'unsigned' }, lastOfRound: false, noted: true } as const;
    await recordOutcome(database.db, attemptOf(id), refused, SHIPPED_STATUSES);
    expect(await stateOf(id)).toEqual({ status: 'retrying', attempt: 'refused', handedOver: false });
  });

  it('is believed when the answer to the call is lost', async () => {
    const id = await insertAttempted('calling');
    await failed(id);
    const outcome = await markOutcomeUnknown(database.db, attemptOf(id), 'no_answer', SHIPPED_STATUSES);
    expect(outcome).toEqual({ kind: 'ended', status: 'failed', code: 'not_taken' });
    expect(await stateOf(id)).toEqual({ status: 'failed', attempt: 'rejected', handedOver: false });
    expect(await ask(id)).toEqual({ kind: 'ended', status: 'failed' });
  });

  it('ends one that it had taken', async () => {
    const id = await insertAttempted('accepted');
    expect((await failed(id)).signals).toEqual(['failed']);
    expect(await stateOf(id)).toMatchObject({ status: 'failed', attempt: 'accepted' });
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertAttempts } from '../../../test/support/dead.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { storeEvents } from '../../../test/support/provider-events.js';
import { readRecord } from '../../../test/support/record.js';
import { retryEmail } from '../actions/retry.js';
import { rowOf, toRow } from '../emails/events.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { buryStopped } from '../queue/queue.js';
import { recordOutcome } from './outcomes.js';
import { attemptEvent } from './transitions.js';
import { abandon, adoptLookUp, markOutcomeUnknown } from './unknown-outcomes.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const attemptOf = (emailId: string, attempt = 1) =>
  ({ emailId, generation: 1, attempt, provider: 'mandrill' }) as const;

async function insertDoubtful(): Promise<string> {
  const id = await insertQueuedEmail(database.db, { state: 'backing_off' });
  await insertAttempts(database.db, id, [{ provider: 'mandrill', state: 'ambiguous' }]);
  return id;
}

/** Given up as unknown, and sent again. */
async function insertSentAgain(): Promise<string> {
  const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
  await insertAttempts(database.db, id, [
    { provider: 'mandrill', state: 'abandoned' },
    { provider: 'mandrill', state: 'accepted' },
  ]);
  const again = attemptEvent(attemptOf(id, 2), 'sending');
  await database.db
    .insertInto('email_events')
    .values(rowOf(toRow(id, again)))
    .execute();
  return id;
}

async function counted(name: 'adopted_attempts' | 'ambiguous_attempts' | 'known_duplicates'): Promise<number> {
  const row = await database.db
    .selectFrom('counters')
    .select('value')
    .where('name', '=', name)
    .where('label', '=', 'mandrill')
    .executeTakeFirst();
  return row?.value ?? 0;
}

describe('an attempt that is given up as unknown, the e-mail with it', () => {
  const queued = (id: string) =>
    database.db.selectFrom('email_queue').select(['state', 'generation']).where('email_id', '=', id).executeTakeFirst();
  const deaths = (id: string) =>
    database.db.selectFrom('dead_emails').select(['generation', 'reason']).where('email_id', '=', id).execute();

  it('buries the e-mail', async () => {
    const id = await insertDoubtful();
    const outcome = await abandon(database.db, attemptOf(id), 'bury', SHIPPED_STATUSES);
    expect(outcome).toEqual({ kind: 'ended', status: 'dead' });
    expect(await deaths(id)).toEqual([{ generation: 1, reason: 'ambiguous' }]);
  });

  it("leaves an e-mail alone that an operator's retry has given another life", async () => {
    const id = await insertDoubtful();
    // Its workflow was terminated, the operator tried again, and whoever asked the provider comes back only now.
    const stopped = { emailId: id, priority: 'medium', generation: 1, state: 'backing_off' } as const;
    await buryStopped(database.db, stopped, SHIPPED_STATUSES);
    const retry = {
      emailId: id,
      clientId: null,
      by: 'operator',
      deadlineMs: { critical: 1, medium: 1, low: 1 },
    } as const;
    expect(await retryEmail(database.db, retry, SHIPPED_STATUSES)).toEqual({ kind: 'retried', generation: 2 });
    const outcome = await abandon(database.db, attemptOf(id), 'bury', SHIPPED_STATUSES);
    expect(outcome).toEqual({ kind: 'ended', status: 'queued' });
    expect(await readRecord(database.db).statusOf({ id })).toBe('queued');
    expect(await queued(id)).toEqual({ state: 'waiting', generation: 2 });
    expect(await deaths(id)).toEqual([{ generation: 1, reason: 'stopped_in_temporal' }]);
  });
});

describe('an attempt whose outcome is unknown', () => {
  it('is counted once, whoever finds that out: who took over from its caller, and the caller itself', async () => {
    const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
    await insertAttempts(database.db, id, [{ provider: 'mandrill', state: 'calling' }]);
    const before = await counted('ambiguous_attempts');
    const timedOut = { result: { kind: 'ambiguous', code: 'timeout' }, lastOfRound: true, noted: true } as const;
    const unknown = { kind: 'ambiguous', code: expect.any(String) };
    expect(await markOutcomeUnknown(database.db, attemptOf(id), 'no_answer', SHIPPED_STATUSES)).toEqual(unknown);
    for (let times = 0; times < 2; times++) {
      expect(await recordOutcome(database.db, attemptOf(id), timedOut, SHIPPED_STATUSES)).toEqual(unknown);
      expect(await markOutcomeUnknown(database.db, attemptOf(id), 'no_answer', SHIPPED_STATUSES)).toEqual(unknown);
    }
    expect(await counted('ambiguous_attempts')).toBe(before + 1);
  });

  it('is settled by an answer that comes after it was given up for unknown', async () => {
    const id = await insertDoubtful();
    const refused = { result: { kind: 'unavailable', code: 'http_503' }, lastOfRound: true, noted: true } as const;
    expect(await recordOutcome(database.db, attemptOf(id), refused, SHIPPED_STATUSES)).toMatchObject({
      kind: 'refused',
    });
  });
});

describe('an attempt that a look-up finds', () => {
  it('is adopted and counted once, however often it is found', async () => {
    const id = await insertDoubtful();
    const before = await counted('adopted_attempts');
    for (let times = 0; times < 2; times++) {
      expect(await adoptLookUp(database.db, attemptOf(id), 'theirs', SHIPPED_STATUSES)).toEqual({
        kind: 'accepted',
        provider: 'mandrill',
      });
    }
    expect(await counted('adopted_attempts')).toBe(before + 1);
    expect(await readRecord(database.db).statusOf({ id })).toBe('sent');
  });

  it('leaves word for its workflow when another one has asked, and only then', async () => {
    const [asker, other] = [await insertDoubtful(), await insertDoubtful()];
    await adoptLookUp(database.db, attemptOf(asker), 'theirs', SHIPPED_STATUSES);
    await adoptLookUp(database.db, attemptOf(other), 'theirs', SHIPPED_STATUSES, { notify: true });
    expect(await readRecord(database.db).signalsOf({ id: asker })).toEqual([]);
    expect(await readRecord(database.db).signalsOf({ id: other })).toEqual(['evidence']);
  });

  it('after it was given up and the e-mail sent again is a known duplicate, counted once', async () => {
    const id = await insertSentAgain();
    const before = await counted('known_duplicates');
    await adoptLookUp(database.db, attemptOf(id), 'theirs', SHIPPED_STATUSES);
    await adoptLookUp(database.db, attemptOf(id), 'theirs', SHIPPED_STATUSES);
    expect(await counted('known_duplicates')).toBe(before + 1);
  });

  it.each(['answer first', 'webhook first'])('nor an answer that comes after that, or a webhook: %s', async (order) => {
    const id = await insertSentAgain();
    const before = await counted('known_duplicates');
    const accepted = { kind: 'accepted', providerMessageId: 'theirs' } as const;
    const answer = { result: accepted, lastOfRound: true, noted: true };
    const told = { ...attemptOf(id), providerEventId: '1', type: 'delivered', providerMessageId: 'theirs' };
    const tell = () => storeEvents(database.db, id, [{ ...told, occurredAt: new Date(), metadata: {} }]);
    const record = () => recordOutcome(database.db, attemptOf(id), answer, SHIPPED_STATUSES);
    for (const step of order === 'answer first' ? [record, record, tell] : [tell, record, record]) await step();
    expect(await counted('known_duplicates')).toBe(before + 1);
  });
});

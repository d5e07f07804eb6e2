import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertDeadEmail } from '../../../test/support/dead.js';
import { storeEvents } from '../../../test/support/provider-events.js';
import { readRecord } from '../../../test/support/record.js';
import { transact } from '../../postgres/transaction.js';
import { retryEmail } from '../actions/retry.js';
import { bury } from '../dead-letters/dead-letters.js';
import { lockEmail } from '../emails/events.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import type { ProviderEvent } from '../tracking/provider-events.js';
import { recordOutcome } from './outcomes.js';
import { askPermission } from './permission.js';

/** An operator has retried an e-mail whose fate was unknown, and only now its provider tells of the first try. */
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.db.updateTable('provider_controls').set({ forced: 'closed' }).execute();
});
afterAll(() => database.drop());

async function insertRetried(correction?: string): Promise<string> {
  const id = await insertDeadEmail(database.db, {
    reason: 'ambiguous',
    receiver: 'first@example.org',
    attempts: [{ state: 'abandoned' }],
  });
  expect(await retry(id, correction)).toEqual({ kind: 'retried', generation: 2 });
  return id;
}

function retry(emailId: string, correction?: string) {
  const request = {
    ...{ emailId, clientId: null, by: 'operator' as const },
    deadlineMs: { critical: 60_000, medium: 60_000, low: 60_000 },
    ...(correction && { receiver: { submitted: correction, address: correction } }),
  };
  return retryEmail(database.db, request, SHIPPED_STATUSES);
}

const told = (type: string, more: Partial<ProviderEvent> = {}): ProviderEvent => ({
  provider: 'mailgun',
  providerEventId: `1-${type}`,
  type,
  generation: 1,
  attempt: 1,
  occurredAt: new Date(),
  providerMessageId: 'theirs',
  metadata: {},
  ...more,
});

/** What the e-mail is, where it waits, and who is said to have it. */
async function stateOf(id: string) {
  const { db } = database;
  const email = await db.selectFrom('emails').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const place = await db.selectFrom('email_queue').selectAll().where('email_id', '=', id).executeTakeFirst();
  const { status, provider, sent_at, provider_message_id } = email;
  return { status, place: place?.state, handedOver: [provider, sent_at, provider_message_id].some(Boolean) };
}

const mayBeSent = async (id: string) => {
  const request = { emailId: id, generation: 2, provider: 'mailgun', dispatchedAtMs: 0, callTimeoutMs: 0 } as const;
  return (await askPermission(database.db, { ...request, lifetimeMs: 3_600_000 }, SHIPPED_STATUSES)).kind;
};

const WAITING = { status: 'queued', place: 'waiting', handedOver: false };
const suppressed = async (id: string) => {
  const { client_id: clientId } = await database.db
    .selectFrom('emails')
    .select('client_id')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return (await readRecord(database.db).suppressionOf({ clientId }))?.address;
};

describe('a bounce of an older generation', () => {
  it('leaves the retried e-mail waiting, and tells its workflow nothing', async () => {
    const id = await insertRetried();
    const { signals } = await storeEvents(database.db, id, [told('bounced')]);
    expect(signals).toEqual([]);
    expect(await readRecord(database.db).signalsOf({ id })).toEqual([]);
    expect(await stateOf(id)).toEqual(WAITING);
    expect(await mayBeSent(id)).toBe('granted');
  });

  it('does not suppress the receiver that the retry has corrected', async () => {
    const id = await insertRetried('right@example.org');
    await storeEvents(database.db, id, [told('bounced', { suppress: 'bounced' })]);
    expect(await suppressed(id)).toBeUndefined();
  });

  it('suppresses the receiver when it is the same one still', async () => {
    const id = await insertRetried();
    await storeEvents(database.db, id, [told('bounced', { suppress: 'bounced' })]);
    expect(await suppressed(id)).toBe('first@example.org');
  });
});

describe('an older generation that was taken after all', () => {
  it('keeps the retried e-mail from being sent', async () => {
    const id = await insertRetried();
    await storeEvents(database.db, id, [told('sent')]);
    expect(await stateOf(id)).toEqual({ status: 'sent', place: 'handed_over', handedOver: true });
    expect(await mayBeSent(id)).toBe('ended');
  });

  it.each(['sent', 'delivered'])('and bounces after it was %s: then the retried e-mail is sent', async (first) => {
    const id = await insertRetried();
    await storeEvents(database.db, id, [told(first)]);
    await storeEvents(database.db, id, [told('bounced')]);
    expect(await stateOf(id)).toEqual(WAITING);
    expect(await mayBeSent(id)).toBe('granted');
  });
});

it('an answer of an older generation that comes late does not take the place of the retried e-mail', async () => {
  const id = await insertDeadEmail(database.db, { receiver: 'first@example.org', attempts: [{ state: 'accepted' }] });
  await storeEvents(database.db, id, [told('bounced')]);
  expect(await retry(id)).toEqual({ kind: 'retried', generation: 2 });
  const late = { result: { kind: 'accepted', providerMessageId: 'theirs' }, lastOfRound: true, noted: true } as const;
  const first = { emailId: id, generation: 1, attempt: 1, provider: 'mailgun' } as const;
  await recordOutcome(database.db, first, late, SHIPPED_STATUSES);
  expect(await stateOf(id)).toEqual(WAITING);
});

describe('the dead letter of the newest generation', () => {
  const letters = (id: string) =>
    database.db
      .selectFrom('dead_emails')
      .select(['generation', 'resolution'])
      .where('email_id', '=', id)
      .orderBy('generation')
      .execute();
  const die = (id: string) =>
    transact(database.db, async (trx) => bury(trx, (await lockEmail(trx, id))!, 'lifetime_over', SHIPPED_STATUSES));

  it('is closed when an older one was taken, and open again when that has bounced', async () => {
    const id = await insertRetried();
    await die(id);
    await storeEvents(database.db, id, [told('sent')]);
    expect(await letters(id)).toMatchObject([{}, { generation: 2, resolution: 'delivered' }]);
    await storeEvents(database.db, id, [told('bounced')]);
    expect((await stateOf(id)).status).toBe('dead');
    expect(await letters(id)).toEqual([
      { generation: 1, resolution: 'retried' },
      { generation: 2, resolution: null },
    ]);
  });

  it('is not written when the e-mail has ended otherwise meanwhile', async () => {
    const id = await insertRetried();
    await storeEvents(database.db, id, [told('bounced', { generation: 2, providerEventId: '2-bounced' })]);
    expect(await die(id)).toBe('bounced');
    expect(await letters(id)).toEqual([{ generation: 1, resolution: 'retried' }]);
  });

  it('is closed at once when an older one has been taken already', async () => {
    const id = await insertRetried();
    await storeEvents(database.db, id, [told('sent')]);
    expect(await die(id)).toBe('sent');
    expect(await letters(id)).toMatchObject([{}, { generation: 2, resolution: 'delivered' }]);
  });
});

it('whatever an older generation tells in whatever order, the retried e-mail waits to be sent or a provider has it', async () => {
  const types = fc.constantFrom('sent', 'deferred', 'delivered', 'opened', 'bounced', 'complained', 'failed');
  await fc.assert(
    fc.asyncProperty(fc.array(types, { minLength: 1, maxLength: 6 }), async (order) => {
      const id = await insertRetried();
      for (const type of order) await storeEvents(database.db, id, [told(type)]);
      const { status, place, handedOver } = await stateOf(id);
      const { survives, final } = SHIPPED_STATUSES.get(status)!;
      if (!survives) expect({ status, place, handedOver }).toEqual(WAITING);
      else expect([place, handedOver]).toEqual([final ? undefined : 'handed_over', true]);
    }),
    { numRuns: 60 },
  );
});

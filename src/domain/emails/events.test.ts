import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertEmail } from '../../../test/support/webhooks.js';
import { enqueueSignal } from '../signals/outbox.js';
import { recordEvents } from '../transitions/record.js';
import { eventKey, lockEmail, type NewEvent } from './events.js';
import { projectStatus } from './projection.js';
import { loadStatuses, SHIPPED_STATUSES, STATUS_RULES } from './statuses.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const record = (emailId: string, events: readonly NewEvent[]) =>
  database.db.transaction().execute(async (trx) => {
    const email = await lockEmail(trx, emailId);
    if (!email) throw new Error('no such e-mail');
    return recordEvents(trx, email, events, SHIPPED_STATUSES);
  });

const stateOf = async (emailId: string) => {
  const { status } = await database.db
    .selectFrom('emails')
    .select('status')
    .where('id', '=', emailId)
    .executeTakeFirstOrThrow();
  const events = await database.db.selectFrom('email_events').selectAll().where('email_id', '=', emailId).execute();
  return { status, events };
};

const delivered: NewEvent = {
  key: eventKey.ofProvider('mailgun', 'one'),
  type: 'delivered',
  generation: 1,
  attempt: 1,
  provider: 'mailgun',
  providerEventId: 'one',
  occurredAt: new Date('2026-01-02T03:04:05.678Z'),
  metadata: { code: '250' },
};

describe('recordEvents', () => {
  it('keeps an event with its provider, moment and metadata, and projects the status', async () => {
    const { id } = await insertEmail(database.db);
    const recorded = await record(id, [delivered]);
    expect(recorded).toMatchObject({ added: [delivered], before: 'queued', status: 'delivered' });
    expect(await stateOf(id)).toMatchObject({
      status: 'delivered',
      events: [
        {
          event_key: 'mailgun:one',
          type: 'delivered',
          generation: 1,
          attempt: 1,
          provider: 'mailgun',
          provider_event_id: 'one',
          occurred_at: delivered.occurredAt,
          metadata: { code: '250' },
        },
      ],
    });
  });

  it('adds nothing for a repeated event, in the same call or later, and says so', async () => {
    const { id } = await insertEmail(database.db);
    await record(id, [delivered]);
    const again = await record(id, [{ ...delivered, metadata: { code: 'other' } }]);
    expect(again).toMatchObject({ added: [], before: 'delivered', status: 'delivered' });
    const { events } = await stateOf(id);
    expect(events).toHaveLength(1);
    expect(events[0]?.metadata).toEqual({ code: '250' });
  });

  it('keeps an event without a status and leaves the status as it was', async () => {
    const { id } = await insertEmail(database.db);
    expect(await record(id, [{ ...delivered, type: 'unsubscribed' }])).toMatchObject({ status: 'queued' });
    expect((await stateOf(id)).events).toHaveLength(1);
  });

  it('does not mix up equal keys of two e-mails', async () => {
    const [one, other] = [await insertEmail(database.db), await insertEmail(database.db)];
    await record(one.id, [delivered]);
    expect((await record(other.id, [delivered])).added).toHaveLength(1);
  });

  it('leaves nothing behind when the transaction fails', async () => {
    const { id } = await insertEmail(database.db);
    const failing = database.db.transaction().execute(async (trx) => {
      const email = await lockEmail(trx, id);
      if (!email) throw new Error('no such e-mail');
      await recordEvents(trx, email, [delivered], SHIPPED_STATUSES);
      await enqueueSignal(trx, id, 'delivered');
      throw new Error('on purpose');
    });
    await expect(failing).rejects.toThrow('on purpose');
    expect(await stateOf(id)).toEqual({ status: 'queued', events: [] });
  });

  it('writers side by side, in any order and with repetitions, end in the projection of everything', async () => {
    const event = fc.record({
      type: fc.constantFrom(...STATUS_RULES.map((rule) => rule.name), 'unsubscribed'),
      generation: fc.integer({ min: 1, max: 3 }),
      attempt: fc.option(fc.integer({ min: 1, max: 2 })),
    });
    const withKeys = fc.array(event, { minLength: 1, maxLength: 8 }).map((events) =>
      events.map(
        (made, index): NewEvent => ({
          ...made,
          key: `mailgun:${index}`,
          occurredAt: new Date(),
        }),
      ),
    );
    /** What each of several writers knows: overlapping parts of the whole, which together are all of it. */
    const writers = withKeys.chain((all) =>
      fc
        .array(fc.shuffledSubarray(all, { minLength: 1 }), { minLength: 1, maxLength: 4 })
        .map((parts) => ({ all, parts: [...parts, [...all].reverse()] })),
    );
    await fc.assert(
      fc.asyncProperty(writers, async ({ all, parts }) => {
        const { id } = await insertEmail(database.db);
        const recorded = await Promise.all(parts.map((part) => record(id, part)));
        const { status, events } = await stateOf(id);
        expect(status).toBe(projectStatus(all, SHIPPED_STATUSES) ?? 'queued');
        expect(events.map((stored) => stored.event_key).sort()).toEqual(all.map((one) => one.key).sort());
        // Each event is new to exactly one writer: what it causes is caused once.
        expect(recorded.flatMap(({ added }) => added.map((one) => one.key)).sort()).toEqual(
          all.map((one) => one.key).sort(),
        );
      }),
      { numRuns: 60 },
    );
  });
});

it('the statuses of the database are those the release ships', async () => {
  expect(new Map([...(await loadStatuses(database.db))].sort())).toEqual(new Map([...SHIPPED_STATUSES].sort()));
});

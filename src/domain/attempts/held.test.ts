import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, insertClient, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { patient } from '../../../test/support/patience.js';
import { cancelEmail } from '../actions/cancel.js';
import { acceptEmail } from '../emails/accept.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { type HoldTerms, hold, listHolds, MOST_HOLDS, release } from '../holds/holds.js';
import { awaitProvider } from '../queue/await-provider.js';
import { putBackReleased } from '../queue/held.js';
import { type ClaimedEmail, dispatchBatch } from '../queue/queue.js';
import { readQueuedFacts } from '../waiting/facts.js';
import { askPermission } from './permission.js';

let database: TestDatabase;
let clientId: string;
beforeEach(async () => {
  await database?.drop();
  database = await createTestDatabase();
  clientId = (await insertClient(database.db)).id;
});
afterAll(() => database?.drop());

const PROVIDERS = ['mailgun', 'mandrill'] as const;
const begin = async (terms: Partial<HoldTerms>) => (await hold(database.db, { reject: false, reason: 'x', ...terms }))!;

/** Dispatches a priority until nothing more is to be started. @returns what was started, in order. */
async function dispatchAll(limit = 100): Promise<string[]> {
  const started: string[] = [];
  const start = async (emails: readonly ClaimedEmail[]) => {
    started.push(...emails.map(({ emailId }) => emailId));
    return emails.map(({ emailId }) => emailId);
  };
  const options = { limit, providers: PROVIDERS, checkAfterMs: 60_000 };
  while ((await dispatchBatch(database.db, 'low', options, start)).more) {
    // As long as there may be more.
    await database.db
      .updateTable('email_queue')
      .set({ state: 'handed_over' })
      .where('state', '=', 'in_flight')
      .execute();
  }
  return started;
}
const ask = (emailId: string, overrides = {}) =>
  askPermission(
    database.db,
    {
      emailId,
      generation: 1,
      provider: 'mailgun',
      dispatchedAtMs: Date.now(),
      callTimeoutMs: 5_000,
      lifetimeMs: 3_600_000,
      ...overrides,
    },
    SHIPPED_STATUSES,
  );
const queueOf = (id: string) =>
  database.db.selectFrom('email_queue').selectAll().where('email_id', '=', id).executeTakeFirstOrThrow();
const attempts = async (id: string) =>
  (await database.db.selectFrom('send_attempts').select('attempt').where('email_id', '=', id).execute()).length;
const low = (dueInS: number, changes: { clientId?: string; state?: 'in_flight' } = {}) =>
  insertQueuedEmail(database.db, { priority: 'low', dueInS, clientId, ...changes });

async function accept(changes: { tags?: string[]; sender?: string; receiver?: string; keyId?: string } = {}) {
  const receiver = changes.receiver ?? 'reader@example.org';
  return acceptEmail(database.db, {
    ...{ clientId, priority: 'low', sender: changes.sender ?? 'Shop <a@Shop.Example.com>', receiver },
    ...{ receiverAddress: receiver, subject: 's', content: 'c', contentType: 'text/plain', replyTo: null },
    ...{ metadata: {}, tags: changes.tags ?? [], sendAt: null, deadlineMs: 1_000, attachment: null },
    ...{ idempotency: null, keyId: changes.keyId },
  } as Parameters<typeof acceptEmail>[1]);
}
async function acceptedState(changes: Parameters<typeof accept>[0] = {}) {
  const result = await accept(changes);
  if (result.kind !== 'accepted') throw new Error(result.kind);
  return (await queueOf(result.acceptance.id)).state;
}

describe('what is accepted under a hold', () => {
  it.each([
    ['client', () => ({ clientId })],
    ['sender domain', () => ({ senderDomain: 'shop.example.com' })],
    ['receiver domain', () => ({ receiverDomain: 'example.org' })],
    ['tag', () => ({ tag: 'sale' })],
    [
      'all of them and the priority',
      () => ({ clientId, tag: 'sale', receiverDomain: 'example.org', priority: 'low' as const }),
    ],
  ])('is accepted and held, by %s', async (_name, terms) => {
    const id = await begin(terms());
    expect(await acceptedState({ tags: ['other', 'sale'] })).toBe('held');
    expect(await listHolds(database.db)).toMatchObject([{ id, held: 1 }]);
  });

  it.each([
    ['another client', () => ({ clientId: crypto.randomUUID() })],
    ['a domain above the sender’s', () => ({ senderDomain: 'example.com' })],
    ['another receiver domain', () => ({ receiverDomain: 'example.com' })],
    ['another tag', () => ({ tag: 'sal' })],
    ['another priority', () => ({ tag: 'sale', priority: 'medium' as const })],
    ['only one of two', () => ({ tag: 'sale', receiverDomain: 'example.com' })],
  ])('is not held by %s', async (_name, terms) => {
    await begin(terms());
    expect(await acceptedState({ tags: ['sale'] })).toBe('waiting');
  });

  it('is refused when the hold says so, and taken again afterwards; what we write ourselves is held', async () => {
    const { id: keyId } = await database.db
      .selectFrom('api_keys')
      .select('id')
      .where('client_id', '=', clientId)
      .executeTakeFirstOrThrow();
    const id = await begin({ clientId, reject: true });
    expect(await accept({ keyId })).toEqual({ kind: 'held' });
    expect(await acceptedState()).toBe('held');
    await release(database.db, id);
    expect((await accept({ keyId })).kind).toBe('accepted');
  });
});

describe('what waits when a hold begins', () => {
  it('is not started, and what nobody holds is, however many held ones are before it', {
    timeout: patient(60_000),
  }, async () => {
    const other = (await insertClient(database.db)).id;
    const many = 12_000;
    await sql`with made as (
      insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content, content_type,
        metadata, status, created_at, due_at, deadline_at)
      select uuidv7(), ${other}, 'low', 'a@example.com', 'b@example.org', 'b@example.org', '', '', 'text/plain', '{}',
        'queued', now(), now() - interval '1 hour', now() from generate_series(1, ${many}) returning id, due_at)
      insert into email_queue (email_id, priority, generation, state, due_at)
      select id, 'low', 1, 'waiting', due_at from made`.execute(database.db);
    const free = await low(-1);
    const id = await begin({ clientId: other });
    expect(await dispatchAll()).toEqual([free]);
    expect(await listHolds(database.db)).toMatchObject([{ id, held: many }]);
  });

  it('goes on by due time when it is released, but for what another hold concerns', async () => {
    const [late, early, both] = [await low(-1), await low(-9), await low(-5)];
    await database.db
      .updateTable('emails')
      .set({ tags: ['sale'] })
      .where('id', '=', both)
      .execute();
    const [first, second] = [await begin({ clientId }), await begin({ tag: 'sale' })];
    expect(await dispatchAll()).toEqual([]);
    await release(database.db, first);
    expect(await putBackReleased(database.db)).toEqual({ count: 3, full: false });
    expect(await dispatchAll(1)).toEqual([early, late]);
    await release(database.db, second);
    await putBackReleased(database.db);
    expect(await dispatchAll()).toEqual([both]);
    expect(await putBackReleased(database.db)).toEqual({ count: 0, full: false });
  });

  it('is put back also when it was held by whoever had not seen the end of the hold', async () => {
    const id = await begin({ clientId });
    await release(database.db, id);
    await putBackReleased(database.db);
    const email = await low(-1);
    await database.db
      .updateTable('email_queue')
      .set({ state: 'held', hold_id: id })
      .where('email_id', '=', email)
      .execute();
    await putBackReleased(database.db);
    expect(await dispatchAll()).toEqual([email]);
  });

  it('can be cancelled while it is held', async () => {
    await begin({ clientId });
    const email = await low(-1);
    await dispatchAll();
    expect(await cancelEmail(database.db, null, email, SHIPPED_STATUSES)).toEqual({
      kind: 'cancelled',
      running: false,
    });
  });

  it('is said to be held, before and after a claim has met it', async () => {
    await begin({ clientId });
    const email = await low(-1);
    expect(await readQueuedFacts(database.db, email)).toMatchObject({ held: true, state: 'waiting' });
    await dispatchAll();
    expect(await readQueuedFacts(database.db, email)).toMatchObject({ held: true, state: 'held' });
  });
});

describe('what is on its way when a hold begins', () => {
  it('gets no permission, leaves its place in flight, and is woken when the hold ends', async () => {
    const email = await low(-1, { state: 'in_flight' });
    const id = await begin({ clientId });
    expect(await ask(email)).toMatchObject({ kind: 'not_admitted', code: 'held' });
    expect(await attempts(email)).toBe(0);
    await awaitProvider(
      database.db,
      { emailId: email, generation: 1 },
      { providers: PROVIDERS, refused: false, checkAfterMs: 1 },
    );
    expect(await queueOf(email)).toMatchObject({ state: 'held', hold_id: id, check_at: null });
    await release(database.db, id);
    await putBackReleased(database.db);
    expect(await queueOf(email)).toMatchObject({ state: 'awaiting_provider', hold_id: null });
    expect(await dispatchAll()).toEqual([email]);
    expect((await ask(email)).kind).toBe('granted');
  });

  it('is finished when its call has begun: the record says first what became of that', async () => {
    const email = await low(-1, { state: 'in_flight' });
    expect((await ask(email)).kind).toBe('granted');
    await begin({ clientId });
    expect((await ask(email)).kind).toBe('busy');
  });

  it('does not grow older while it is held, and dies of the rest of its time', async () => {
    const email = await low(-20, { state: 'in_flight' });
    const lifetime = { lifetimeMs: 15_000 };
    const id = await begin({ clientId });
    await database.db.updateTable('holds').set({ created_at: sql<Date>`now() - interval '10 seconds'` }).execute();
    expect(await ask(email, lifetime)).toMatchObject({ kind: 'not_admitted', code: 'held' });
    await release(database.db, id);
    expect((await ask(email, { ...lifetime, provider: 'mandrill', impossible: 'asked' })).kind).toBe('not_admitted');
    expect(await ask(email, { lifetimeMs: 5_000 })).toEqual({ kind: 'ended', status: 'dead' });
  });
});

it('there are only so many holds', async () => {
  for (let n = 0; n < MOST_HOLDS; n++) await begin({ tag: `t${n}` });
  expect(await hold(database.db, { tag: 'one more', reject: false, reason: 'x' })).toBeUndefined();
});

it('whatever happens in whatever order, nothing held is called, and in the end everything goes', {
  timeout: patient(120_000),
}, async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('accept' as const), tag: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ kind: fc.constantFrom('hold', 'release'), tag: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ kind: fc.constantFrom('dispatch', 'ask', 'put back'), tag: fc.constant(0) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await sql`truncate emails, email_queue, email_events, send_attempts, holds, client_usage cascade`.execute(
        database.db,
      );
      const holds = new Map<number, string>();
      const emails = new Map<string, number>();
      const inFlight = async () =>
        (await database.db.selectFrom('email_queue').select('email_id').where('state', '=', 'in_flight').execute()).map(
          ({ email_id }) => email_id,
        );
      for (const { kind, tag } of steps) {
        if (kind === 'accept') {
          const result = await accept({ tags: [`t${tag}`] });
          if (result.kind === 'accepted') emails.set(result.acceptance.id, tag);
        } else if (kind === 'hold' && !holds.has(tag)) holds.set(tag, await begin({ tag: `t${tag}` }));
        else if (kind === 'release' && holds.has(tag)) {
          await release(database.db, holds.get(tag)!);
          holds.delete(tag);
        } else if (kind === 'put back') await putBackReleased(database.db);
        else if (kind === 'dispatch') {
          await dispatchBatch(
            database.db,
            'low',
            { limit: 100, providers: PROVIDERS, checkAfterMs: 60_000 },
            async (claimed) => claimed.map(({ emailId }) => emailId),
          );
        } else if (kind === 'ask') {
          for (const id of await inFlight()) {
            const permission = await ask(id);
            expect(permission.kind === 'granted' && holds.has(emails.get(id)!)).toBe(false);
            if (permission.kind === 'not_admitted') {
              await awaitProvider(
                database.db,
                { emailId: id, generation: 1 },
                { providers: PROVIDERS, refused: false, checkAfterMs: 1 },
              );
            }
          }
        }
      }
      for (const id of holds.values()) await release(database.db, id);
      await putBackReleased(database.db);
      await dispatchBatch(
        database.db,
        'low',
        { limit: 100, providers: PROVIDERS, checkAfterMs: 60_000 },
        async (claimed) => claimed.map(({ emailId }) => emailId),
      );
      for (const id of await inFlight()) await ask(id);
      for (const id of emails.keys()) expect(await attempts(id)).toBe(1);
    }),
    { numRuns: 25 },
  );
});

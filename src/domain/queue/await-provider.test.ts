import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { blockSenderDomain } from '../provider-health/breaker.js';
import { awaitProvider } from './await-provider.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const entryOf = (emailId: string) =>
  database.db
    .selectFrom('email_queue')
    .select(['state', 'providers', sql<number>`extract(epoch from ready_at - now())::float8`.as('ready_in_s')])
    .where('email_id', '=', emailId)
    .executeTakeFirst();

describe('an e-mail that no provider admits', () => {
  it('gives up its place in flight and can be woken at once', async () => {
    const emailId = await insertQueuedEmail(database.db, { state: 'in_flight' });
    await awaitProvider(
      database.db,
      { emailId, generation: 1 },
      { providers: ['mailgun'], refused: false, checkAfterMs: 60_000 },
    );
    const place = await entryOf(emailId);
    expect(place).toMatchObject({ state: 'awaiting_provider', providers: ['mailgun'] });
    expect(place!.ready_in_s).toBeLessThanOrEqual(0);
  });

  it('is not woken at once when it was refused though it had seemed admitted: a quarter of its age passes', async () => {
    const emailId = await insertQueuedEmail(database.db, { state: 'in_flight', dueInS: -400 });
    await awaitProvider(
      database.db,
      { emailId, generation: 1 },
      { providers: ['mailgun'], refused: true, checkAfterMs: 60_000 },
    );
    const place = await entryOf(emailId);
    expect(place!.ready_in_s).toBeGreaterThan(60);
    expect(place!.ready_in_s).toBeLessThanOrEqual(101);
  });

  it('leaves out providers that do not take its sender domain, and waits for the first when none does', async () => {
    const block = (provider: 'mailgun' | 'mandrill') =>
      database.db.transaction().execute((trx) => blockSenderDomain(trx, provider, 'example.com', 'rejected_unsigned'));
    const emailId = await insertQueuedEmail(database.db, { state: 'in_flight' });
    const options = { providers: ['mailgun', 'mandrill'], refused: false, checkAfterMs: 60_000 } as const;
    await block('mailgun');
    await awaitProvider(database.db, { emailId, generation: 1 }, options);
    expect(await entryOf(emailId)).toMatchObject({ providers: ['mandrill'] });
    await block('mandrill');
    await awaitProvider(database.db, { emailId, generation: 1 }, options);
    const place = await entryOf(emailId);
    expect(place).toMatchObject({ providers: ['mailgun', 'mandrill'] });
    expect(place!.ready_in_s).toBeGreaterThan(500);
  });

  it('keeps the place that a later generation, a provider or its end has given it', async () => {
    const options = { providers: ['mailgun'], refused: false, checkAfterMs: 60_000 } as const;
    const older = await insertQueuedEmail(database.db, { state: 'waiting' });
    await database.db.updateTable('emails').set({ generation: 2 }).where('id', '=', older).execute();
    await awaitProvider(database.db, { emailId: older, generation: 1 }, options);
    expect(await entryOf(older)).toMatchObject({ state: 'waiting' });
    const taken = await insertQueuedEmail(database.db, { state: 'handed_over' });
    await awaitProvider(database.db, { emailId: taken, generation: 1 }, options);
    expect(await entryOf(taken)).toMatchObject({ state: 'handed_over' });
    const over = await insertQueuedEmail(database.db, { state: 'in_flight' });
    await database.db.deleteFrom('email_queue').where('email_id', '=', over).execute();
    await awaitProvider(database.db, { emailId: over, generation: 1 }, options);
    expect(await entryOf(over)).toBeUndefined();
  });
});

import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { findWork } from './plan.js';

describe('where an e-mail is, for a workflow that begins', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database?.drop());

  const work = async (emailId: string) => (await findWork(database.db, emailId, SHIPPED_STATUSES))!;
  const tried = (emailId: string, attempt: number, generation: number, state: 'accepted' | 'refused', code?: string) =>
    database.db
      .insertInto('send_attempts')
      .values({
        ...{ email_id: emailId, generation, attempt, provider: 'mandrill', state, code: code ?? null },
        ...{ started_at: sql`now()`, call_until: sql`now()`, finished_at: sql`now()` },
      })
      .execute();
  const become = (emailId: string, status: string) =>
    database.db.updateTable('emails').set({ status, sent_at: sql`now()` }).where('id', '=', emailId).execute();

  it('is told by the attempts of its generation alone', async () => {
    const emailId = await insertQueuedEmail(database.db);
    expect(await work(emailId)).toMatchObject({ accepted: false, unsubscribedAt: [] });
    await tried(emailId, 1, 2, 'accepted');
    await tried(emailId, 2, 2, 'refused', 'unsubscribed_there');
    expect(await work(emailId)).toMatchObject({ accepted: false, unsubscribedAt: [] });
    await tried(emailId, 1, 1, 'refused', 'unsubscribed_there');
    expect(await work(emailId)).toMatchObject({ accepted: false, unsubscribedAt: ['mandrill'] });
    await tried(emailId, 2, 1, 'accepted');
    expect(await work(emailId)).toMatchObject({ accepted: true, unsubscribedAt: ['mandrill'] });
  });

  it('says how long ago it was delivered, once it is: what remains of the time to be opened', async () => {
    const emailId = await insertQueuedEmail(database.db);
    await become(emailId, 'sent');
    expect((await work(emailId)).sinceDeliveredMs).toBeNull();
    for (const [key, minutes] of [
      ['first', 20],
      ['again', 5],
    ] as const) {
      await database.db
        .insertInto('email_events')
        .values({
          ...{ email_id: emailId, event_key: key, type: 'delivered', generation: 1, metadata: '{}' },
          ...{ occurred_at: sql`now()`, recorded_at: sql`now() - make_interval(mins => ${minutes})` },
        })
        .execute();
    }
    await become(emailId, 'delivered');
    const { sinceDeliveredMs, sinceSentMs } = await work(emailId);
    expect(sinceDeliveredMs).toBeGreaterThanOrEqual(20 * 60_000);
    expect(sinceDeliveredMs! - sinceSentMs!).toBeCloseTo(20 * 60_000, -4);
  });

  it('is unknown for an id that no e-mail has', async () => {
    expect(await findWork(database.db, '01900000-0000-7000-8000-000000000000', SHIPPED_STATUSES)).toBeUndefined();
  });
});

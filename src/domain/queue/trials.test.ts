import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { findWork } from '../attempts/plan.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { awaitProvider } from './await-provider.js';
import { type ClaimedEmail, dispatchBatch } from './queue.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** It finds no provider; nobody has refused it. */
const sleep = (emailId: string, ...providers: ('mailgun' | 'mandrill')[]) =>
  awaitProvider(database.db, { emailId, generation: 1 }, { providers, refused: false, checkAfterMs: 60_000 });

/** A provider refuses it. */
async function refuse(emailId: string, attempt: number, provider: 'mailgun' | 'mandrill'): Promise<void> {
  const row = { email_id: emailId, generation: 1, attempt, provider, state: 'refused' } as const;
  const times = { started_at: sql<Date>`clock_timestamp()`, call_until: sql<Date>`clock_timestamp()` };
  await database.db
    .insertInto('send_attempts')
    .values({ ...row, ...times })
    .execute();
}

/** Of the two that we send through. */
const admitting = async (emailId: string) => {
  const work = await findWork(database.db, emailId, SHIPPED_STATUSES);
  return work!.admitting.filter((provider) => provider !== 'smtp');
};

const dispatch = (start: (emails: readonly ClaimedEmail[]) => Promise<readonly string[]>) =>
  dispatchBatch(database.db, 'low', { limit: 100, providers: ['mailgun', 'mandrill'], checkAfterMs: 60_000 }, start);

describe('dispatch while no provider admits', () => {
  it('tries those asleep in turns, none twice within half an hour, and a new one before any again', async () => {
    const sleepers: string[] = [];
    for (const dueInS of [-30, -20, -10]) {
      const emailId = await insertQueuedEmail(database.db, { priority: 'low', state: 'in_flight', dueInS });
      await sleep(emailId, 'mailgun');
      sleepers.push(emailId);
    }
    const health = database.db.updateTable('provider_health');
    await health.set({ state: 'open', trial_at: sql`now()` }).execute();
    const tried: string[] = [];
    /** A call that fails: afterwards the e-mail sleeps again, and looks by itself now and then. */
    const tryOne = async () => {
      let one: string | undefined;
      await dispatch(async (emails) => {
        one = emails[0]?.emailId;
        return emails.map(({ emailId }) => emailId);
      });
      if (one === undefined) return false;
      tried.push(one);
      await refuse(one, tried.length, 'mailgun');
      await sleep(one, 'mailgun');
      for (const emailId of sleepers) await sleep(emailId, 'mailgun');
      return true;
    };
    while (tried.length < sleepers.length && (await tryOne()));
    expect(tried).toEqual(sleepers);
    expect(await tryOne()).toBe(false);
    // Nor does one that looks by itself, or comes from its back-off, take another trial of that provider.
    for (const emailId of sleepers) expect(await admitting(emailId)).toEqual(['mandrill']);
    const fresh = await insertQueuedEmail(database.db, { priority: 'low', dueInS: -1 });
    expect(await admitting(fresh)).toContain('mailgun');
    expect(await tryOne()).toBe(true);
    expect(tried.at(-1)).toBe(fresh);
    expect(await tryOne()).toBe(false);
    await sql`update send_attempts set started_at = started_at - interval '31 minutes'`.execute(database.db);
    await sql`update send_stops set from_at = from_at - interval '1 hour'`.execute(database.db);
    while (tried.length < 8 && (await tryOne()));
    expect(tried.slice(4)).toEqual([...sleepers, fresh]);
  });

  it('tries an e-mail at its next provider too when the first is down', async () => {
    await sql`truncate email_queue`.execute(database.db);
    await database.db.updateTable('provider_health').set({ state: 'open', trial_at: sql`now()` }).execute();
    const emailId = await insertQueuedEmail(database.db, { priority: 'low', state: 'in_flight', dueInS: -30 });
    const claimed: string[] = [];
    const claim = () =>
      dispatch(async (emails) => {
        claimed.push(...emails.map((email) => email.emailId));
        return claimed;
      });
    // The time without a provider begins.
    await dispatch(async () => []);
    await refuse(emailId, 1, 'mailgun');
    // In the same round, and also when its wait began between the two.
    expect(await admitting(emailId)).toEqual(['mandrill']);
    await sleep(emailId, 'mailgun', 'mandrill');
    await claim();
    expect(claimed).toEqual([emailId]);
    await refuse(emailId, 2, 'mandrill');
    expect(await admitting(emailId)).toEqual([]);
    await sleep(emailId, 'mailgun', 'mandrill');
    await claim();
    expect(claimed).toEqual([emailId]);
  });
});

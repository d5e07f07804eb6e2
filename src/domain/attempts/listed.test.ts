import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { readRecord } from '../../../test/support/record.js';
import type { ActivityDependencies } from '../../activities/dependencies.js';
import { createLoadPlan } from '../../activities/load-plan.js';
import { loadConfig, type ProviderName } from '../../config.js';
import type { Priority } from '../../priority.js';
import type { Failed } from '../../providers/provider.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { recordOutcome } from './outcomes.js';
import { askPermission } from './permission.js';

/** Addresses that a provider refuses because they are on a list of its own. */
let database: TestDatabase;
let record: ReturnType<typeof readRecord>;
let loadPlan: ReturnType<typeof createLoadPlan>;
beforeAll(async () => {
  database = await createTestDatabase();
  record = readRecord(database.db);
  await database.db.updateTable('provider_controls').set({ forced: 'closed' }).execute();
  const config = loadConfig({
    ...{ DATABASE_URL: database.url, PROVIDERS: 'mandrill,mailgun', STORAGE_DIR: '/nowhere' },
    ...{ MAILGUN_API_KEY: 'x', MAILGUN_DOMAIN: 'mail.example.com', MAILGUN_WEBHOOK_SIGNING_KEY: 'x' },
    ...{ MANDRILL_API_KEY: 'x', MANDRILL_WEBHOOK_KEY: 'x', MANDRILL_WEBHOOK_URL: 'https://mail.example.com/x' },
  });
  const dependencies = { db: database.db, config, catalogue: SHIPPED_STATUSES, logger: pino({ level: 'silent' }) };
  loadPlan = createLoadPlan(dependencies as unknown as ActivityDependencies);
});
afterAll(() => database.drop());

const LISTED = {
  bounced: { kind: 'rejected', code: 'rejected_hard-bounce', listed: 'bounced' },
  complained: { kind: 'rejected', code: 'rejected_spam', listed: 'complained' },
  unsubscribed: { kind: 'rejected', code: 'rejected_unsub', listed: 'unsubscribed' },
} as const satisfies Record<string, Failed>;

const insert = (priority: Priority) => insertQueuedEmail(database.db, { priority, state: 'in_flight' });
const ask = (emailId: string, provider: ProviderName) => {
  const times = { dispatchedAtMs: Date.now(), callTimeoutMs: 5_000, lifetimeMs: 3_600_000 };
  return askPermission(database.db, { emailId, generation: 1, provider, ...times }, SHIPPED_STATUSES);
};

/** One call to a provider, and its answer written down, as the activity does. */
async function refuse(emailId: string, provider: ProviderName, result: Failed, others: ProviderName[]) {
  const permission = await ask(emailId, provider);
  if (permission.kind !== 'granted') throw new Error(`not granted: ${permission.kind}`);
  const id = { emailId, generation: 1, attempt: permission.attempt, provider };
  return recordOutcome(database.db, id, { result, lastOfRound: false, noted: false, others }, SHIPPED_STATUSES);
}
const clientOf = async (id: string) => {
  const email = await database.db.selectFrom('emails').select('client_id').where('id', '=', id).executeTakeFirst();
  return { clientId: email!.client_id };
};
const suppressed = async (id: string) => (await record.suppressionOf(await clientOf(id)))?.reason;
const statusOf = (id: string) => record.statusOf({ id });
const nextTo = async (id: string, priority: Priority) =>
  insertQueuedEmail(database.db, { ...(await clientOf(id)), priority, state: 'in_flight' });

describe('an address that a provider refuses because its own list has it', () => {
  it.each(['bounced', 'complained'] as const)(
    'for having %s: is suppressed for the client, and no other provider gets the next e-mail',
    async (reason) => {
      const id = await insert('critical');
      const outcome = await refuse(id, 'mandrill', LISTED[reason], ['mailgun']);
      expect(outcome).toMatchObject({ kind: 'ended', status: 'failed' });
      expect(await suppressed(id)).toBe(reason);
      expect(await ask(await nextTo(id, 'critical'), 'mailgun')).toEqual({ kind: 'ended', status: 'suppressed' });
    },
  );

  it('for having unsubscribed: bulk has failed, and the next is not sent; a login code is', async () => {
    const id = await insert('low');
    expect(await refuse(id, 'mandrill', LISTED.unsubscribed, ['mailgun'])).toMatchObject({ status: 'failed' });
    expect(await suppressed(id)).toBe('unsubscribed');
    expect(await ask(await nextTo(id, 'low'), 'mailgun')).toEqual({ kind: 'ended', status: 'suppressed' });
    expect(await ask(await nextTo(id, 'critical'), 'mailgun')).toMatchObject({ kind: 'granted' });
  });

  it.each(['critical', 'medium'] as const)(
    'for having unsubscribed: %s goes to the next provider, and not to this one again',
    async (priority) => {
      const id = await insert(priority);
      const outcome = await refuse(id, 'mandrill', LISTED.unsubscribed, ['mailgun']);
      expect(outcome).toMatchObject({ kind: 'refused', code: 'unsubscribed_there' });
      expect([await statusOf(id), await suppressed(id)]).toEqual(['retrying', 'unsubscribed']);
      expect((await loadPlan(id)).providers).toEqual(['mailgun']);
      expect(await ask(id, 'mailgun')).toMatchObject({ kind: 'granted', attempt: 2 });
    },
  );

  it('for having unsubscribed: has failed when no provider is left', async () => {
    const alone = await insert('critical');
    expect(await refuse(alone, 'mandrill', LISTED.unsubscribed, [])).toMatchObject({ kind: 'ended', status: 'failed' });

    const both = await insert('critical');
    await refuse(both, 'mandrill', LISTED.unsubscribed, ['mailgun']);
    const last = await refuse(both, 'mailgun', LISTED.unsubscribed, ['mandrill']);
    expect(last).toMatchObject({ kind: 'ended', status: 'failed' });

    const chosen = await insert('critical');
    await database.db.updateTable('emails').set({ only_provider: 'mandrill' }).where('id', '=', chosen).execute();
    expect(await refuse(chosen, 'mandrill', LISTED.unsubscribed, ['mailgun'])).toMatchObject({ status: 'failed' });
  });

  it('does not speak against the provider', async () => {
    const health = () =>
      database.db
        .selectFrom('provider_health')
        .select(['failures', 'state', 'last_code'])
        .where('provider', '=', 'mandrill')
        .execute();
    const before = await health();
    for (let times = 0; times < 10; times++)
      await refuse(await insert('critical'), 'mandrill', LISTED.unsubscribed, ['mailgun']);
    expect(await health()).toEqual(before);
  });

  it('is suppressed also when a webhook without a reason told of the refusal first', async () => {
    const id = await insert('medium');
    const permission = await ask(id, 'mandrill');
    if (permission.kind !== 'granted') throw new Error('not granted');
    await database.db.updateTable('send_attempts').set({ state: 'rejected' }).where('email_id', '=', id).execute();
    const attempt = { emailId: id, generation: 1, attempt: permission.attempt, provider: 'mandrill' as const };
    const answer = { result: LISTED.bounced, lastOfRound: true, noted: false };
    expect(await recordOutcome(database.db, attempt, answer, SHIPPED_STATUSES)).toMatchObject({ status: 'failed' });
    expect(await suppressed(id)).toBe('bounced');
  });
});

import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { NO_TEMPORAL, startTestWebhooks, type TestWebhooks } from '../../test/support/webhooks.js';
import { retryEmail } from '../domain/actions/retry.js';
import { SHIPPED_STATUSES } from '../domain/emails/statuses.js';
import { unsubscribePath } from '../domain/tracking/unsubscribe-link.js';
import { perPriority } from '../priority.js';

let database: TestDatabase;
let webhooks: TestWebhooks;
let key: Buffer;
beforeAll(async () => {
  database = await createTestDatabase();
  key = (await database.db.selectFrom('unsubscribe_key').select('key').executeTakeFirstOrThrow()).key;
  webhooks = await startTestWebhooks({ databaseUrl: database.url, temporalAddress: NO_TEMPORAL });
});
afterAll(async () => {
  await webhooks.stop();
  await database.drop();
});

const at = (reference: string) => `${webhooks.url}/unsubscribe/${reference}`;
const linkOf = (id: string, generation = 1) => at(unsubscribePath(key, id, generation));
const post = async (url: string) => (await fetch(url, { method: 'POST' })).status;
const suppressions = (emailId: string) =>
  database.db.selectFrom('suppressions').selectAll().where('email_id', '=', emailId).execute();
const eventTypes = async (emailId: string) => {
  const rows = await database.db.selectFrom('email_events').select('type').where('email_id', '=', emailId).execute();
  return rows.map(({ type }) => type);
};
const lowEmail = (receiver: string) => insertQueuedEmail(database.db, { priority: 'low', receiver });

describe('one-click unsubscribing (RFC 8058)', () => {
  it('suppresses the address for the client, once, with the mail program’s POST', async () => {
    const id = await lowEmail('one-click@example.org');
    for (let times = 0; times < 2; times++) {
      const body = new URLSearchParams({ 'List-Unsubscribe': 'One-Click' });
      expect((await fetch(linkOf(id), { method: 'POST', body })).status).toBe(200);
    }
    expect(await suppressions(id)).toMatchObject([{ address: 'one-click@example.org', reason: 'unsubscribed' }]);
    expect((await eventTypes(id)).filter((type) => type === 'unsubscribed')).toHaveLength(1);
  });

  it('changes nothing when the link is only looked at, and offers a button', async () => {
    const id = await lowEmail('looks@example.org');
    const response = await fetch(linkOf(id));
    expect(response.status).toBe(200);
    const html = await response.text();
    expect(html).toContain('<form method="post">');
    expect(html).not.toContain('looks@example.org');
    expect(await suppressions(id)).toEqual([]);
  });

  it('works without a body', async () => {
    const id = await lowEmail('bare@example.org');
    expect(await post(linkOf(id))).toBe(200);
    expect(await suppressions(id)).toHaveLength(1);
  });

  it.each(['medium', 'critical'] as const)('is not offered for %s e-mails', async (priority) => {
    const id = await insertQueuedEmail(database.db, { priority });
    expect((await fetch(linkOf(id))).status).toBe(404);
    expect(await post(linkOf(id))).toBe(404);
    expect(await suppressions(id)).toEqual([]);
  });

  it.each(['019a0000-0000-7000-8000-000000000000', 'x', '%00', '%E0%A4%A', 'a.1.b'])(
    'answers no 2xx for the link %s',
    async (reference) => {
      expect((await fetch(at(reference))).status).toBeGreaterThanOrEqual(400);
      expect(await post(at(reference))).toBeGreaterThanOrEqual(400);
    },
  );
});

describe('the token of an unsubscribe link', () => {
  it('is needed: the id that stands in the pixel and in the Message-ID is not enough', async () => {
    const id = await lowEmail('forwarded@example.org');
    expect(await post(at(id))).toBe(404);
    expect((await fetch(at(id))).status).toBe(404);
    expect(await suppressions(id)).toEqual([]);
  });

  it('is of one e-mail in one of its lives, and made with the key', async () => {
    const [id, other] = [await lowEmail('one@example.org'), await lowEmail('other@example.org')];
    const token = unsubscribePath(key, id, 1).split('.')[2];
    const guesses = [
      `${other}.1.${token}`,
      `${id}.2.${token}`,
      `${id}.1.${'A'.repeat(22)}`,
      unsubscribePath(Buffer.alloc(32), id, 1),
    ];
    for (const guess of guesses) expect(await post(at(guess)), guess).toBe(404);
    expect([...(await suppressions(id)), ...(await suppressions(other))]).toEqual([]);
  });

  it('of a former life does not unsubscribe the receiver that a retry has corrected', async () => {
    const id = await lowEmail('mistyped@example.org');
    await database.db.updateTable('emails').set({ status: 'failed' }).where('id', '=', id).execute();
    const receiver = { submitted: 'right@example.org', address: 'right@example.org' };
    const request = { emailId: id, clientId: null, by: 'operator' as const, receiver };
    await retryEmail(database.db, { ...request, deadlineMs: perPriority(() => 60_000) }, SHIPPED_STATUSES);
    expect(await post(linkOf(id, 1))).toBe(200);
    expect(await suppressions(id)).toEqual([]);
    expect(await post(linkOf(id, 2))).toBe(200);
    expect(await suppressions(id)).toMatchObject([{ address: 'right@example.org' }]);
  });

  it('is not asked for in the links of a release without tokens', async () => {
    const id = await lowEmail('before@example.org');
    await sql`update unsubscribe_key set id_alone_until = now() - interval '1 day'`.execute(database.db);
    expect(await post(at(id))).toBe(404);
    await database.db
      .updateTable('emails')
      .set({ created_at: sql<Date>`now() - interval '2 days'` })
      .where('id', '=', id)
      .execute();
    expect((await fetch(at(id))).status).toBe(200);
    expect(await post(at(id))).toBe(200);
    expect(await suppressions(id)).toMatchObject([{ address: 'before@example.org', reason: 'unsubscribed' }]);
    await sql`update unsubscribe_key set id_alone_until = '-infinity'`.execute(database.db);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { startTestWebhooks, type TestWebhooks } from '../../test/support/webhooks.js';

let database: TestDatabase;
let webhooks: TestWebhooks;
beforeAll(async () => {
  database = await createTestDatabase();
  webhooks = await startTestWebhooks({ databaseUrl: database.url, temporalAddress: '127.0.0.1:1' });
});
afterAll(async () => {
  await webhooks.stop();
  await database.drop();
});

const linkOf = (id: string) => `${webhooks.url}/unsubscribe/${id}`;
const suppressions = (emailId: string) =>
  database.db.selectFrom('suppressions').selectAll().where('email_id', '=', emailId).execute();
const eventTypes = async (emailId: string) => {
  const rows = await database.db.selectFrom('email_events').select('type').where('email_id', '=', emailId).execute();
  return rows.map(({ type }) => type);
};

describe('one-click unsubscribing (RFC 8058)', () => {
  it('suppresses the address for the client, once, with the mail program’s POST', async () => {
    const id = await insertQueuedEmail(database.db, { priority: 'low', receiver: 'one-click@example.org' });
    for (let times = 0; times < 2; times++) {
      const body = new URLSearchParams({ 'List-Unsubscribe': 'One-Click' });
      expect((await fetch(linkOf(id), { method: 'POST', body })).status).toBe(200);
    }
    expect(await suppressions(id)).toMatchObject([{ address: 'one-click@example.org', reason: 'unsubscribed' }]);
    expect((await eventTypes(id)).filter((type) => type === 'unsubscribed')).toHaveLength(1);
  });

  it('changes nothing when the link is only looked at, and offers a button', async () => {
    const id = await insertQueuedEmail(database.db, { priority: 'low', receiver: 'looks@example.org' });
    const response = await fetch(linkOf(id));
    expect(response.status).toBe(200);
    const html = await response.text();
    expect(html).toContain('<form method="post">');
    expect(html).not.toContain('looks@example.org');
    expect(await suppressions(id)).toEqual([]);
  });

  it('works without a body', async () => {
    const id = await insertQueuedEmail(database.db, { priority: 'low', receiver: 'bare@example.org' });
    expect((await fetch(linkOf(id), { method: 'POST' })).status).toBe(200);
    expect(await suppressions(id)).toHaveLength(1);
  });

  it.each(['medium', 'critical'] as const)('is not offered for %s e-mails', async (priority) => {
    const id = await insertQueuedEmail(database.db, { priority });
    expect((await fetch(linkOf(id))).status).toBe(404);
    expect((await fetch(linkOf(id), { method: 'POST' })).status).toBe(404);
    expect(await suppressions(id)).toEqual([]);
  });

  it.each(['019a0000-0000-7000-8000-000000000000', 'x', '%00'])('answers 404 for the id %s', async (id) => {
    expect((await fetch(linkOf(id))).status).toBe(404);
    expect((await fetch(linkOf(id), { method: 'POST' })).status).toBe(404);
  });
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient, type TestClient } from '../../../test/support/database.js';

let api: TestApi;
let operator: TestClient;
beforeAll(async () => {
  api = await startTestApi();
  operator = await insertClient(api.db, { operator: true });
});
afterAll(() => api.stop());

it('lists what named no e-mail page by page, the latest first, and nothing of what the provider said', async () => {
  for (let n = 0; n < 3; n++) {
    await api.db
      .insertInto('unmatched_webhooks')
      .values({
        provider: 'mailgun',
        reason: `reason ${n}`,
        body: JSON.stringify({ recipient: 'ada@example.org' }),
        provider_message_id: `message-${n}`,
        event: JSON.stringify({ type: 'delivered' }),
        taken_at: null,
        match_at: null,
      })
      .execute();
  }
  const reasons: string[] = [];
  let cursor = '';
  do {
    const answer = await api.get(`/api/admin/unmatched-webhooks?limit=2${cursor}`, operator.key);
    const text = await answer.text();
    expect(text).not.toContain('ada@');
    const page = JSON.parse(text) as { webhooks: { reason: string; event_type: string }[]; next_cursor: string | null };
    reasons.push(...page.webhooks.map(({ reason }) => reason));
    cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : '';
  } while (cursor);
  expect(reasons).toEqual(['reason 2', 'reason 1', 'reason 0']);
});

it('has the event in the provider’s word where no more of it was read, and nothing else of what it said', async () => {
  const body = JSON.stringify({ event: `delivered${'!'.repeat(60)}`, recipient: 'ada@example.org' });
  await api.db.insertInto('unmatched_webhooks').values({ provider: 'mailgun', reason: 'no_email_id', body }).execute();
  const answer = await api.get('/api/admin/unmatched-webhooks?limit=1', operator.key);
  const text = await answer.text();
  expect(JSON.parse(text).webhooks[0].event_type).toBe(`delivered${'!'.repeat(41)}`);
  expect(text).not.toContain('ada@');
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient, type TestClient } from '../../../test/support/database.js';
import { insertAttempts, insertDeadEmail } from '../../../test/support/dead.js';
import { storeEvents } from '../../../test/support/provider-events.js';
import { answerOf } from '../../../test/support/record.js';
import { recordOutcome } from '../../domain/attempts/outcomes.js';
import { askPermission } from '../../domain/attempts/permission.js';
import { SHIPPED_STATUSES } from '../../domain/emails/statuses.js';

let api: TestApi;
let operator: TestClient;
beforeAll(async () => {
  api = await startTestApi();
  operator = await insertClient(api.db, { operator: true });
});
afterAll(() => api.stop());

interface Listed {
  dead_letters: { id: string; reason: string; code: string; receiver: string }[];
  next_cursor: string | null;
}

async function list(query: string, key = operator.key): Promise<Listed> {
  const response = await api.get(`/api/dead-letters${query}`, key);
  expect(response.status).toBe(200);
  return (await response.json()) as Listed;
}
const idsOf = ({ dead_letters }: Listed) => dead_letters.map(({ id }) => id);
const retry = (id: string, body: object = {}, key = operator.key) =>
  api.post(`/api/dead-letters/${id}/retry`, body, key);
const emailOf = (id: string) => api.db.selectFrom('emails').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
const entryOf = (id: string) =>
  api.db.selectFrom('email_queue').selectAll().where('email_id', '=', id).executeTakeFirst();
const letterOf = (id: string) =>
  api.db.selectFrom('dead_emails').selectAll().where('email_id', '=', id).executeTakeFirstOrThrow();

describe('GET /api/dead-letters', () => {
  it('finds by priority, reason, provider, code, client, receiver’s domain and time', async () => {
    const client = await insertClient(api.db);
    const mine = { clientId: client.id };
    const low = await insertDeadEmail(api.db, { ...mine, priority: 'low', reason: 'ambiguous' });
    const elsewhere = await insertDeadEmail(api.db, {
      ...mine,
      receiver: 'ada@other.example.com',
      attempts: [
        { state: 'refused', code: 'http_503' },
        { provider: 'mandrill', state: 'refused', code: 'http_429' },
      ],
    });
    const of = async (filter: string) => idsOf(await list(`?client=${client.id}${filter}`));
    expect(await of('')).toEqual([low, elsewhere]);
    expect(await of('&priority=low')).toEqual([low]);
    expect(await of('&reason=ambiguous')).toEqual([low]);
    expect(await of('&provider=mandrill')).toEqual([elsewhere]);
    expect(await of('&code=http_429')).toEqual([elsewhere]);
    expect(await of('&receiver_domain=Other.example.com')).toEqual([elsewhere]);
    expect(await of('&from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z')).toEqual([]);
    expect(await of('&from=2020-01-01T00:00:00Z')).toHaveLength(2);
  });

  it('comes in pages that miss nothing and repeat nothing', async () => {
    const client = await insertClient(api.db);
    const ids: string[] = [];
    for (let count = 0; count < 5; count++) ids.push(await insertDeadEmail(api.db, { clientId: client.id }));
    const found: string[] = [];
    let page = await list('?limit=2', client.key);
    for (found.push(...idsOf(page)); page.next_cursor; found.push(...idsOf(page))) {
      page = await list(`?limit=2&cursor=${page.next_cursor}`, client.key);
    }
    expect(found).toEqual(ids);
  });

  it('shows a client its own, and refuses it another one’s', async () => {
    const [one, other] = [await insertClient(api.db), await insertClient(api.db)];
    const id = await insertDeadEmail(api.db, { clientId: one.id });
    expect(idsOf(await list('', one.key))).toEqual([id]);
    expect(idsOf(await list('', other.key))).toEqual([]);
    expect(await answerOf(await api.get(`/api/dead-letters?client=${one.id}`, other.key))).toEqual([
      403,
      'operator_only',
    ]);
  });

  it.each(['?priority=urgent', '?cursor=x', '?limit=0', '?limit=x', '?nonsense=1', '?from=yesterday'])(
    'refuses %s',
    async (query) => {
      expect(await answerOf(await api.get(`/api/dead-letters${query}`, operator.key))).toEqual([422, 'invalid_fields']);
    },
  );
});

describe('GET /api/dead-letters/{id}', () => {
  it('shows every death with all attempts and events, over all generations', async () => {
    const id = await insertDeadEmail(api.db);
    await retry(id);
    const shown = (await (await api.get(`/api/dead-letters/${id}`, operator.key)).json()) as {
      deaths: unknown;
      email: { attempts: unknown; events: { type: string }[]; status: string };
    };
    expect(shown.deaths).toMatchObject([
      { generation: 1, reason: 'lifetime_over', code: 'http_503', resolution: 'retried' },
    ]);
    expect(shown.email.attempts).toMatchObject([{ generation: 1, attempt: 1, code: 'http_503' }]);
    expect(shown.email.events.map(({ type }) => type)).toEqual(['queued', 'dead', 'queued']);
    expect(shown.email.status).toBe('queued');
  });

  it('is 404 for another client’s, and for an e-mail that never died', async () => {
    const other = await insertClient(api.db);
    const id = await insertDeadEmail(api.db);
    expect((await api.get(`/api/dead-letters/${id}`, other.key)).status).toBe(404);
    expect((await api.get('/api/dead-letters/019a0000-0000-7000-8000-000000000000', operator.key)).status).toBe(404);
  });
});

describe('POST /api/dead-letters/{id}/retry', () => {
  it('begins a new generation with a lifetime of its own, and keeps the history', async () => {
    const id = await insertDeadEmail(api.db, { dueInS: -100_000, deadlineInS: -90_000 });
    const response = await retry(id);
    expect(await response.json()).toEqual({ id, status: 'queued', generation: 2 });
    const email = await emailOf(id);
    expect(email).toMatchObject({
      status: 'queued',
      generation: 2,
      dispatched_at: null,
      sent_at: null,
      provider: null,
    });
    expect(email.deadline_at.getTime() - email.due_at.getTime()).toBe(900_000);
    expect(Math.abs(email.due_at.getTime() - Date.now())).toBeLessThan(60_000);
    expect(await entryOf(id)).toMatchObject({
      state: 'waiting',
      generation: 2,
      priority: 'medium',
      dispatched_at: null,
    });
    expect(await letterOf(id)).toMatchObject({ resolution: 'retried', reason: 'lifetime_over' });
    expect(idsOf(await list(''))).not.toContain(id);
  });

  it('takes a provider and a corrected receiver, and writes the address to its one place only', async () => {
    const id = await insertDeadEmail(api.db);
    expect((await retry(id, { provider: 'mandrill', receiver: 'Ada <Ada@Corrected.example.org>' })).status).toBe(200);
    expect(await emailOf(id)).toMatchObject({
      only_provider: 'mandrill',
      receiver: 'Ada <Ada@Corrected.example.org>',
      receiver_address: 'ada@corrected.example.org',
    });
    const events = await api.db.selectFrom('email_events').selectAll().where('email_id', '=', id).execute();
    const queued = events.find((event) => event.generation === 2)!;
    expect(queued.metadata).toEqual({ retried_by: 'operator', corrected_receiver: true, provider: 'mandrill' });
    expect(JSON.stringify(events).toLowerCase()).not.toContain('corrected.example.org');
  });

  it('refuses a provider that is not configured, an address that is none, and an unknown field', async () => {
    const id = await insertDeadEmail(api.db);
    for (const body of [
      { provider: 'smtp' },
      { provider: 'pigeon' },
      { receiver: 'a@b, c@d' },
      { reciever: 'a@b.example' },
    ]) {
      expect(await answerOf(await retry(id, body))).toEqual([422, 'invalid_fields']);
    }
    expect((await emailOf(id)).generation).toBe(1);
  });

  it('lets a client retry its own, but not choose a provider, nor retry another one’s', async () => {
    const [client, other] = [await insertClient(api.db), await insertClient(api.db)];
    const id = await insertDeadEmail(api.db, { clientId: client.id });
    expect((await retry(id, {}, other.key)).status).toBe(404);
    expect(await answerOf(await retry(id, { provider: 'mandrill' }, client.key))).toEqual([403, 'operator_only']);
    expect((await retry(id, {}, client.key)).status).toBe(200);
  });

  it('done twice at the same time begins one generation', async () => {
    const id = await insertDeadEmail(api.db);
    const statuses = await Promise.all([retry(id), retry(id), retry(id)].map(async (answer) => (await answer).status));
    expect(statuses.sort()).toEqual([200, 409, 409]);
    expect((await emailOf(id)).generation).toBe(2);
  });

  it('refuses while a call may still be going on, and takes one whose time is over', async () => {
    const id = await insertDeadEmail(api.db, { attempts: [{ state: 'calling', callUntilS: 60 }] });
    expect(await answerOf(await retry(id))).toEqual([409, 'not_retryable']);
    const over = await insertDeadEmail(api.db, { attempts: [{ state: 'calling', callUntilS: -1 }] });
    expect((await retry(over)).status).toBe(200);
  });

  it('after an e-mail was discarded still retries it', async () => {
    const id = await insertDeadEmail(api.db);
    expect((await api.post(`/api/dead-letters/${id}/discard`, {}, operator.key)).status).toBe(200);
    expect(await letterOf(id)).toMatchObject({ resolution: 'discarded' });
    expect(idsOf(await list(''))).not.toContain(id);
    expect((await api.post(`/api/dead-letters/${id}/discard`, {}, operator.key)).status).toBe(404);
    expect((await retry(id)).status).toBe(200);
    expect(await letterOf(id)).toMatchObject({ resolution: 'retried' });
  });
});

describe('a dead letter', () => {
  it('is resolved as delivered when its provider turns out to have taken it', async () => {
    const id = await insertDeadEmail(api.db, { reason: 'ambiguous', attempts: [{ state: 'abandoned' }] });
    const delivered = {
      provider: 'mailgun',
      providerEventId: 'late',
      type: 'delivered',
      generation: 1,
      attempt: 1,
      occurredAt: new Date(),
      providerMessageId: 'm',
      metadata: {},
    } as const;
    await storeEvents(api.db, id, [delivered]);
    expect(await letterOf(id)).toMatchObject({ resolution: 'delivered' });
    expect(await answerOf(await retry(id))).toEqual([409, 'not_retryable']);
  });
});

describe('a retried e-mail whose former life turns out to have been sent', () => {
  it('is not sent again', async () => {
    const id = await insertDeadEmail(api.db, { reason: 'ambiguous', attempts: [{ state: 'abandoned' }] });
    expect((await retry(id)).status).toBe(200);
    const sent = {
      provider: 'mailgun',
      providerEventId: 'late-too',
      type: 'sent',
      generation: 1,
      attempt: 1,
      occurredAt: new Date(),
      providerMessageId: 'm',
      metadata: {},
    } as const;
    await storeEvents(api.db, id, [sent]);
    const request = { emailId: id, generation: 2, provider: 'mandrill', dispatchedAtMs: Date.now() } as const;
    const limits = { callTimeoutMs: 5_000, lifetimeMs: 3_600_000 };
    expect(await askPermission(api.db, { ...request, ...limits }, SHIPPED_STATUSES)).toEqual({
      kind: 'ended',
      status: 'sent',
    });
  });
});

describe('POST /api/dead-letters/retry', () => {
  it('counts in a dry run, then retries what the same filter finds, up to the limit', async () => {
    const client = await insertClient(api.db);
    for (let count = 0; count < 3; count++) await insertDeadEmail(api.db, { clientId: client.id, priority: 'low' });
    await insertDeadEmail(api.db, { clientId: client.id, priority: 'medium' });
    const bulk = async (body: object) =>
      await (
        await api.post('/api/dead-letters/retry', { client: client.id, priority: 'low', ...body }, operator.key)
      ).json();
    expect(await bulk({ dry_run: true })).toEqual({ dry_run: true, matching: 3, retried: 0, skipped: 0 });
    expect(await bulk({ limit: 2, through: 'mandrill' })).toEqual({
      dry_run: false,
      matching: 3,
      retried: 2,
      skipped: 0,
    });
    expect(await bulk({})).toEqual({ dry_run: false, matching: 1, retried: 1, skipped: 0 });
    const left = await list(`?client=${client.id}`);
    expect(left.dead_letters).toHaveLength(1);
  });

  it('skips what cannot be retried', async () => {
    const client = await insertClient(api.db);
    await insertDeadEmail(api.db, { clientId: client.id, attempts: [{ state: 'calling', callUntilS: 60 }] });
    const response = await api.post('/api/dead-letters/retry', { all: true }, client.key);
    expect(await response.json()).toMatchObject({ retried: 0, skipped: 1 });
  });

  it('retries everything only when that is said, and not beside a filter', async () => {
    const client = await insertClient(api.db);
    const id = await insertDeadEmail(api.db, { clientId: client.id, priority: 'low' });
    for (const body of [{}, { limit: 10 }, { all: false }, { all: true, priority: 'low' }]) {
      const refused = await api.post('/api/dead-letters/retry', body, client.key);
      expect(await refused.json()).toMatchObject({ status: 422, errors: [{ field: 'all' }] });
    }
    expect((await emailOf(id)).generation).toBe(1);
    const counted = await api.post('/api/dead-letters/retry', { dry_run: true }, client.key);
    expect(await counted.json()).toMatchObject({ matching: 1 });
  });

  it('never reaches beyond a client’s own', async () => {
    const [client, other] = [await insertClient(api.db), await insertClient(api.db)];
    const id = await insertDeadEmail(api.db, { clientId: other.id });
    expect((await api.post('/api/dead-letters/retry', { all: true }, client.key)).status).toBe(200);
    expect((await emailOf(id)).generation).toBe(1);
    expect((await api.post('/api/dead-letters/retry', { client: other.id }, client.key)).status).toBe(403);
  });
});

describe('an answer of a former life that comes late', () => {
  it('does not take the e-mail out of the queue again', async () => {
    const id = await insertDeadEmail(api.db, { attempts: [] });
    await insertAttempts(api.db, id, [{ state: 'calling', callUntilS: -1 }]);
    await retry(id);
    const late = { result: { kind: 'rejected', code: 'http_400' }, lastOfRound: true, noted: false } as const;
    await recordOutcome(
      api.db,
      { emailId: id, generation: 1, attempt: 1, provider: 'mailgun' },
      late,
      SHIPPED_STATUSES,
    );
    expect(await entryOf(id)).toMatchObject({ state: 'waiting', generation: 2 });
    expect((await emailOf(id)).status).toBe('queued');
  });
});

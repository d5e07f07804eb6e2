import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OperatedApi, startOperatedApi } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';
import { deadLettersBy, idsOf, insertAttempts, insertDeadEmail } from '../../../test/support/dead.js';
import { storeEvents } from '../../../test/support/provider-events.js';
import { answerOf } from '../../../test/support/record.js';
import { recordOutcome } from '../../domain/attempts/outcomes.js';
import { askPermission } from '../../domain/attempts/permission.js';
import { SHIPPED_STATUSES } from '../../domain/emails/statuses.js';

let api: OperatedApi;
beforeAll(async () => {
  api = await startOperatedApi();
});
afterAll(() => api?.stop());

const { list, retry, letterOf } = deadLettersBy(() => api);
const emailOf = (id: string) => api.db.selectFrom('emails').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
const entryOf = (id: string) =>
  api.db.selectFrom('email_queue').selectAll().where('email_id', '=', id).executeTakeFirst();

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
    expect((await api.post(`/api/dead-letters/${id}/discard`, {}, api.operator.key)).status).toBe(200);
    expect(await letterOf(id)).toMatchObject({ resolution: 'discarded' });
    expect(idsOf(await list(''))).not.toContain(id);
    expect((await api.post(`/api/dead-letters/${id}/discard`, {}, api.operator.key)).status).toBe(404);
    expect((await retry(id)).status).toBe(200);
    expect(await letterOf(id)).toMatchObject({ resolution: 'retried' });
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
        await api.post('/api/dead-letters/retry', { client: client.id, priority: 'low', ...body }, api.operator.key)
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

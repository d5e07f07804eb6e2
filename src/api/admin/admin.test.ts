import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import type { ProviderView } from '../../domain/provider-health/switches.js';
import { noteForeignPause, resume } from '../../domain/queue/pauses.js';
import type { QueueReport } from '../../domain/queue/report.js';

/** What the endpoints answer, as far as each says it. */
interface Body {
  readonly queues: QueueReport[];
  readonly providers: ProviderView[];
}

let api: TestApi;
let key: string;

beforeAll(async () => {
  api = await startTestApi();
  ({ key } = await insertClient(api.db, { operator: true }));
});
afterAll(() => api.stop());

async function call(method: string, path: string, body?: unknown, as = key) {
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${as}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Body };
}
const queueOf = ({ body }: { body: Body }, priority: string) =>
  body.queues.find((queue) => queue.priority === priority)!;

const ENDPOINTS = [
  ['GET', '/api/admin/overview'],
  ['GET', '/api/admin/scale'],
  ['GET', '/api/admin/queues'],
  ['POST', '/api/admin/queues/low/pause'],
  ['POST', '/api/admin/queues/low/resume'],
  ['GET', '/api/admin/providers'],
  ['PATCH', '/api/admin/providers/mailgun'],
] as const;

describe('administration', () => {
  it.each(ENDPOINTS)('%s %s is for operators only', async (method, path) => {
    const body = method === 'GET' ? undefined : { reason: 'test' };
    expect(await call(method, path, body, api.client.key)).toMatchObject({
      status: 403,
      body: { code: 'operator_only' },
    });
    expect((await call(method, path, body, 'unknown')).status).toBe(401);
    expect(queueOf(await call('GET', '/api/admin/queues'), 'low').paused).toBe(false);
  });
});

describe('GET /api/admin/queues', () => {
  it('counts what each priority holds, and what is late', async () => {
    await insertQueuedEmail(api.db, { priority: 'critical', dueInS: -60 });
    await insertQueuedEmail(api.db, { priority: 'critical', dueInS: 60 });
    await insertQueuedEmail(api.db, { priority: 'critical', state: 'backing_off' });
    await insertQueuedEmail(api.db, { priority: 'critical', state: 'handed_over', dueInS: -60 });
    const stuck = await insertQueuedEmail(api.db, { priority: 'critical', state: 'in_flight' });
    await sql`update email_queue set dispatched_at = now() - interval '3 minutes' where email_id = ${stuck}`.execute(
      api.db,
    );
    const answer = await call('GET', '/api/admin/queues');
    expect(queueOf(answer, 'critical')).toEqual({
      priority: 'critical',
      paused: false,
      pauses: [],
      waiting: 1,
      held: 0,
      scheduled: 1,
      in_flight: 1,
      stuck: 1,
      backing_off: 1,
      awaiting_provider: 0,
      admitting_providers: ['mailgun', 'mandrill'],
      handed_over: 1,
      oldest_waiting_s: expect.toSatisfy((age: number) => age >= 60 && age < 90),
      past_deadline: 1,
    });
    expect(queueOf(answer, 'low')).toMatchObject({ waiting: 0, oldest_waiting_s: null, past_deadline: 0 });
    expect(answer.body.queues.map((queue) => queue.priority)).toEqual(['critical', 'medium', 'low']);
  });
});

describe('POST /api/admin/queues/{priority}/pause and /resume', () => {
  it('stop one priority or all, and start them again', async () => {
    const paused = await call('POST', '/api/admin/queues/low/pause', { reason: 'new template is broken' });
    expect(queueOf(paused, 'low')).toMatchObject({
      paused: true,
      pauses: [{ by: 'tempost', reason: 'new template is broken', since: expect.stringMatching(/Z$/) }],
    });
    expect(queueOf(paused, 'critical').paused).toBe(false);
    const all = await call('POST', '/api/admin/queues/all/pause', { reason: 'stop everything' });
    expect(all.body.queues.every((queue) => queue.paused)).toBe(true);
    const resumed = await call('POST', '/api/admin/queues/all/resume');
    expect(resumed.body.queues.some((queue) => queue.paused)).toBe(false);
  });

  it.each(['pause', 'resume'])('%s nothing when no priority is named', async (what) => {
    const answer = await call('POST', `/api/admin/queues/${what}`, { reason: 'stop' });
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'invalid_fields', errors: [{ field: 'priority', code: 'required' }] },
    });
    const { body } = await call('GET', '/api/admin/queues');
    expect(body.queues.some((queue) => queue.paused)).toBe(false);
  });

  it('show what was paused in Temporal, and leave it', async () => {
    await noteForeignPause(api.db, 'low', { reason: 'maintenance', since: null });
    const answer = await call('POST', '/api/admin/queues/all/resume', {});
    expect(queueOf(answer, 'low')).toMatchObject({
      paused: true,
      pauses: [{ by: 'temporal', reason: 'maintenance' }],
    });
    await noteForeignPause(api.db, 'low', null);
  });

  it.each([
    ['no reason', {}, 'required'],
    ['an empty reason', { reason: ' ' }, 'invalid_value'],
    ['a reason of two lines', { reason: 'a\nb' }, 'invalid_value'],
    ['an unknown field', { reason: 'a', until: 'tomorrow' }, 'unknown_field'],
    ['something else than an object', [1], 'invalid_value'],
  ])('refuse %s', async (_, body, code) => {
    const answer = await call('POST', '/api/admin/queues/low/pause', body);
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_fields', errors: [{ code }] } });
    expect(queueOf(await call('GET', '/api/admin/queues'), 'low').paused).toBe(false);
  });

  it('answer 404 for another queue, 400 for what is not JSON, 415 for another type', async () => {
    expect(await call('POST', '/api/admin/queues/urgent/pause', { reason: 'a' })).toMatchObject({
      status: 404,
      body: { code: 'queue_not_found' },
    });
    const post = (type: string, body: string) =>
      fetch(`${api.url}/api/admin/queues/low/pause`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${key}`, 'Content-Type': type },
        body,
      });
    expect((await post('application/json', '{"reason":')).status).toBe(400);
    expect((await post('text/plain', '{"reason":"a"}')).status).toBe(415);
    expect((await post('application/json', `{"reason":"${'a'.repeat(100_000)}"}`)).status).toBe(413);
  });
});

describe('PATCH /api/admin/providers/{name}', () => {
  const provider = async (name: string) => {
    const { body } = await call('GET', '/api/admin/providers');
    return body.providers.find((each) => each.provider === name);
  };

  it('switches a provider, and says why', async () => {
    const change = { enabled: false, forced: 'open', rate_per_s: 12.5, per_day: 5_000, reason: 'outage' };
    expect((await call('PATCH', '/api/admin/providers/mailgun', change)).status).toBe(200);
    expect(await provider('mailgun')).toMatchObject({ ...change, breaker: { state: 'closed' }, used_today: 0 });
    expect(await provider('mandrill')).toMatchObject({ configured: true, enabled: true, forced: null });
    expect(await provider('smtp')).toMatchObject({ configured: false });
    const back = { enabled: true, forced: null, rate_per_s: null, per_day: null, reason: 'over' };
    await call('PATCH', '/api/admin/providers/mailgun', back);
    expect(await provider('mailgun')).toMatchObject(back);
  });

  it('shows the lowest rate as it was given', async () => {
    await call('PATCH', '/api/admin/providers/smtp', { rate_per_s: 0.01, reason: 'test' });
    expect(await provider('smtp')).toMatchObject({ rate_per_s: 0.01 });
  });

  it.each([
    { reason: 'nothing to change' },
    { enabled: false },
    { forced: 'half', reason: 'a' },
    { rate_per_s: 0, reason: 'a' },
    { rate_per_s: 1e-9, reason: 'a' },
    { rate_per_s: 1e-20, reason: 'a' },
    { rate_per_s: 1e-300, reason: 'a' },
    { rate_per_s: 0.0099, reason: 'a' },
    { rate_per_s: 1e300, reason: 'a' },
    { per_day: 1e300, reason: 'a' },
    { per_day: 1.5, reason: 'a' },
  ])('refuses %j', async (body) => {
    expect(await call('PATCH', '/api/admin/providers/mailgun', body)).toMatchObject({
      status: 422,
      body: { code: 'invalid_fields' },
    });
  });

  it('answers 404 for a provider that does not exist', async () => {
    expect(await call('PATCH', '/api/admin/providers/pigeon', { enabled: false, reason: 'a' })).toMatchObject({
      status: 404,
      body: { code: 'provider_not_found' },
    });
  });
});

describe('GET /api/admin/scale', () => {
  it('tells how many workers each priority should have, by what waits and who runs', async () => {
    const { body } = await call('GET', '/api/admin/scale');
    const { as_of, priorities } = body as unknown as { as_of: string; priorities: Record<string, unknown>[] };
    expect(as_of).toMatch(/Z$/);
    expect(priorities.map(({ priority }) => priority)).toEqual(['critical', 'medium', 'low']);
    expect(priorities[0]).toMatchObject({ worker_slots: 50, workers: 0, wanted_workers: 2, paused: false });
    expect(priorities[1]).toMatchObject({ arrivals_per_s: { over_5_min: expect.any(Number) } });
  });
});

describe('GET /api/admin/overview', () => {
  it('shows queues, providers and what is left over at once', async () => {
    await resume(api.db, ['low']);
    const email_id = await insertQueuedEmail(api.db);
    await api.db.insertInto('dead_emails').values({ email_id, generation: 1, reason: 'lifetime_over' }).execute();
    const { body } = await call('GET', '/api/admin/overview');
    expect(body).toMatchObject({
      as_of: expect.any(String),
      dead_letters: { waiting: 1, by_reason: { lifetime_over: 1 } },
      unmatched_webhooks: 0,
      pending_signals: 0,
      counters: [],
    });
    expect(body.queues).toHaveLength(3);
    expect(body.providers).toHaveLength(3);
  });
});

import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient, type TestClient } from '../../../test/support/database.js';
import { insertDeadEmail } from '../../../test/support/dead.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { buildRequests } from '../../../test/support/operators/builds.js';
import { runCli } from '../../cli/run.js';
import type { ListedAct } from '../../domain/audit/listed.js';
import { hold } from '../../domain/holds/holds.js';
import { beginJob, stopJob } from '../../domain/jobs/jobs.js';
import { ensurePartitions } from '../../postgres/partitions.js';
import { ROUTES } from '../routes.js';
import type { Route } from '../routing/route.js';

let api: TestApi;
let operator: TestClient;
let owner: TestClient;
let keyId: string;

beforeAll(async () => {
  api = await startTestApi();
  operator = await insertClient(api.db, { operator: true, keyColumns: { name: 'on call' } });
  owner = await insertClient(api.db);
  ({ id: keyId } = await api.db
    .selectFrom('api_keys')
    .select('id')
    .where('client_id', '=', operator.id)
    .executeTakeFirstOrThrow());
});
afterAll(() => api?.stop());

const LATER = new Date(Date.now() + 3_600_000).toISOString();
const dead = () => insertDeadEmail(api.db, { clientId: owner.id });
const queued = () => insertQueuedEmail(api.db, { clientId: owner.id });

async function scheduled(): Promise<string> {
  const id = await queued();
  await api.db.updateTable('emails').set({ status: 'scheduled' }).where('id', '=', id).execute();
  await api.db
    .updateTable('email_events')
    .set({ type: 'scheduled', event_key: 'tempost:g1:scheduled' })
    .where('email_id', '=', id)
    .execute();
  return id;
}

async function backingOff(): Promise<string> {
  const id = await queued();
  await api.db.updateTable('email_queue').set({ state: 'backing_off' }).where('email_id', '=', id).execute();
  return id;
}

/** Its attachment is JSON, as all other answers are. */
async function attached(): Promise<string> {
  const id = await queued();
  const data = Buffer.from('{}');
  const sha256 = createHash('sha256').update(data).digest('hex');
  const file = { filename: 'a.json', content_type: 'application/json', size_bytes: data.length, sha256 };
  await api.db
    .insertInto('attachments')
    .values({ email_id: id, ...file })
    .execute();
  await api.db.insertInto('attachment_chunks').values({ email_id: id, seq: 0, data }).execute();
  return id;
}

const job = async () => {
  const id = await beginJob(api.db, { kind: 'cancel', parameters: {}, reason: 'audited', ratePerS: 1 });
  return id!;
};

const newKey = async () => {
  const { id } = await insertClient(api.db);
  const key = await api.db.selectFrom('api_keys').select('id').where('client_id', '=', id).executeTakeFirstOrThrow();
  return { id, key: key.id };
};

/** What an operator asks of a route that is audited: what its path names, its body, and how many rows it leaves. */
interface Asked {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: object;
  readonly rows?: number;
}

/** A request for every audited route, each of which does something. */
const REQUESTS: Readonly<Record<string, () => Asked | Promise<Asked>>> = {
  getEmailContent: async () => ({ path: { id: await queued() } }),
  getEmailContentPage: async () => ({ path: { id: await queued() } }),
  getEmailAttachment: async () => ({ path: { id: await attached() } }),
  cancelEmail: async () => ({ path: { id: await queued() } }),
  rescheduleEmail: async () => ({ path: { id: await scheduled() }, body: { send_at: LATER } }),
  retryEmail: async () => ({ path: { id: await dead() }, body: { receiver: 'corrected@example.org' } }),
  resendEmail: async () => ({ path: { id: await queued() }, rows: 2 }),
  retryEmailNow: async () => ({ path: { id: await backingOff() } }),
  retryDeadLetters: async () => {
    await Promise.all([dead(), dead()]);
    await api.db.updateTable('dead_emails').set({ code: 'audited' }).where('resolved_at', 'is', null).execute();
    const { count } = await api.db
      .selectFrom('dead_emails')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('resolved_at', 'is', null)
      .executeTakeFirstOrThrow();
    return { body: { code: 'audited' }, rows: count };
  },
  retryDeadLetter: async () => ({ path: { id: await dead() } }),
  discardDeadLetter: async () => ({ path: { id: await dead() } }),
  addSuppression: () => ({ body: { client: owner.id, address: 'reader@example.org' } }),
  removeSuppression: async () => {
    await api.db
      .insertInto('suppressions')
      .values({ client_id: owner.id, address: 'back@example.org', reason: 'manual' })
      .execute();
    return { path: { address: 'back@example.org' }, query: `?client=${owner.id}` };
  },
  forgetPerson: () => ({ body: { address: 'forgotten@example.org', reason: 'asked for it' } }),
  exportPerson: () => ({ body: { address: 'exported@example.org' } }),
  createClient: () => ({ body: { name: 'a new shop' } }),
  changeClient: () => ({ path: { id: owner.id }, body: { daily_limits: { low: 7 } } }),
  createKey: () => ({ path: { id: owner.id }, body: { name: 'a new key' } }),
  rotateKey: async () => ({ path: await newKey(), rows: 2 }),
  revokeKey: async () => ({ path: await newKey() }),
  addSender: () => ({ path: { id: owner.id }, body: { sender: 'somebody@example.com' } }),
  removeSender: async () => {
    await api.db.insertInto('client_senders').values({ client_id: owner.id, sender: 'old.example.com' }).execute();
    return { path: { id: owner.id, sender: 'old.example.com' } };
  },
  pauseQueue: () => ({ path: { priority: 'all' }, body: { reason: 'maintenance' }, rows: 3 }),
  resumeQueue: () => ({ path: { priority: 'low' } }),
  holdMail: () => ({ body: { tag: 'sale', reason: 'wrong prices' } }),
  releaseHold: async () => {
    const terms = { tag: 'sale', reject: false, reason: 'wrong prices' };
    return { path: { id: (await hold(api.db, terms))! } };
  },
  beginJob: () => ({ body: { kind: 'retry', all: true, reason: 'the key was wrong' } }),
  dropMonth: async () => {
    const month = new Date(Date.UTC(2024, 0, 15));
    await ensurePartitions(api.db, month);
    return { path: { month: '202401' }, body: { reason: 'kept for a year' } };
  },
  stopJob: async () => ({ path: { id: await job() } }),
  resumeJob: async () => {
    const id = await job();
    await stopJob(api.db, id);
    return { path: { id } };
  },
  ...buildRequests(() => api.db),
  changeProvider: () => ({ path: { name: 'mandrill' }, body: { enabled: false, reason: 'their bill' } }),
};

function ask({ method, path }: Route, { path: values = {}, query = '', body = {} }: Asked, key = operator.key) {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]!));
  return fetch(`${api.url}${filled}${query}`, {
    method: method.toUpperCase(),
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: method === 'post' || method === 'patch' || method === 'put' ? JSON.stringify(body) : undefined,
  });
}

const rows = () => api.db.selectFrom('audit_log').selectAll().orderBy('id').execute();
const emptied = () => api.db.deleteFrom('audit_log').execute();
/** Who signs in is nobody before: `session/open-id/open-id.test.ts` looks at the row of that. */
const auditedRoutes = ROUTES.filter(({ audit, access }) => access !== 'public' && audit && !('none' in audit));
afterEach(emptied);

async function listed(query = ''): Promise<ListedAct[]> {
  const response = await api.get(`/api/admin/audit${query}`, operator.key);
  expect(response.status).toBe(200);
  return ((await response.json()) as { acts: ListedAct[] }).acts;
}

it('every route that is audited is asked for below', () => {
  expect(Object.keys(REQUESTS).sort()).toEqual(auditedRoutes.map(({ operationId }) => operationId).sort());
});

describe.each(auditedRoutes.map((route) => [route.operationId, route] as const))('%s', (operationId, route) => {
  it('leaves a row for each target: who, by which way, what, before and after; no secrets, no addresses', async () => {
    const asked = await REQUESTS[operationId]!();
    const response = await ask(route, asked);
    const text = await response.text();
    expect(response.status, text).toBeLessThan(300);
    const written = await rows();
    expect(written).toHaveLength(asked.rows ?? 1);
    for (const row of written) {
      expect(row).toMatchObject({
        source: 'api',
        client_id: operator.id,
        key_id: keyId,
        key_name: 'on call',
        role: 'admin',
        address: expect.stringMatching(/127\.0\.0\.1|::1/),
        request_id: response.headers.get('x-request-id'),
      });
      expect(row.action.split('.')[0]).toBe(row.target_kind);
    }
    if ((asked.body as { reason?: string })?.reason)
      expect(written[0]!.reason).toBe((asked.body as { reason: string }).reason);
    const secret = text.startsWith('{') ? (JSON.parse(text) as { key?: string }).key : undefined;
    const all = JSON.stringify(written);
    if (secret) expect(all).not.toContain(secret);
    expect(all).not.toMatch(/[\w.]+@example/);
  });

  it('leaves none when it is refused, and none for whoever may not', async () => {
    const asked = await REQUESTS[operationId]!();
    const viewer = await insertClient(api.db, { keyColumns: { role: 'viewer', scopes: [] } });
    expect((await ask(route, asked, viewer.key)).status).toBe(403);
    const nowhere = { id: crypto.randomUUID(), key: crypto.randomUUID(), sender: 'none.example.com' };
    const elsewhere = { ...nowhere, address: 'none@example.org', priority: 'none', name: 'none' };
    const refused = await ask(route, { ...asked, path: elsewhere, body: { nonsense: true } });
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(await rows()).toEqual([]);
  });
});

describe('a change and its row', () => {
  it('are one transaction: what cannot be written down is not done', async () => {
    await sql`alter table audit_log add constraint full_disk check (action <> 'queue.pause')`.execute(api.db);
    try {
      const response = await api.post('/api/admin/queues/medium/resume', {}, operator.key);
      expect(response.status).toBe(200);
      const paused = await api.post('/api/admin/queues/medium/pause', { reason: 'x' }, operator.key);
      expect(paused.status).toBe(500);
      const { paused_at } = await api.db
        .selectFrom('queue_controls')
        .select('paused_at')
        .where('priority', '=', 'medium')
        .executeTakeFirstOrThrow();
      expect(paused_at).toBeNull();
    } finally {
      await sql`alter table audit_log drop constraint full_disk`.execute(api.db);
    }
  });

  it('tell how it was and how it is', async () => {
    await api.post('/api/admin/queues/low/resume', {}, operator.key);
    await api.post('/api/admin/queues/low/pause', { reason: 'first' }, operator.key);
    await api.post('/api/admin/queues/low/pause', { reason: 'second' }, operator.key);
    const [second, first] = await listed('?kind=queue&target=low&action=queue.pause');
    expect(first).toMatchObject({ before: { paused_at: null }, after: { reason: 'first' }, reason: 'first' });
    expect(second).toMatchObject({ before: { reason: 'first' }, after: { reason: 'second' } });
    await api.post('/api/admin/queues/low/resume', {}, operator.key);
  });

  it('are seen by whoever asks for the status: who paused it, who switched it', async () => {
    const words: string[] = [];
    const env = { TEMPOST_URL: api.url, TEMPOST_API_KEY: operator.key };
    const console = { out: (text: string) => words.push(text), error: (text: string) => words.push(text) };
    const name = (
      await api.db.selectFrom('clients').select('name').where('id', '=', operator.id).executeTakeFirstOrThrow()
    ).name;
    await runCli(['pause', 'medium', '--reason', 'wrong template'], env, console);
    await api.post('/api/admin/queues/medium/pause', { reason: 'wrong template' }, operator.key);
    await runCli(['status'], env, console);
    expect(words.at(-1)).toContain(`paused by ${name}/on call`);
    expect((await listed()).map(({ source }) => source)).toEqual(['api', 'cli']);
    await runCli(['audit', '--target', 'medium'], env, console);
    expect(words.at(-1)).toMatch(/queue\.pause +medium +wrong template/);
    await runCli(['resume', 'medium'], env, console);
  });
});

describe('GET /api/admin/audit', () => {
  it('finds what was done to an address, which it keeps as a hash', async () => {
    await api.post('/api/suppressions', { client: owner.id, address: 'Found@Example.org' }, operator.key);
    await api.post('/api/suppressions', { client: owner.id, address: 'other@example.org' }, operator.key);
    expect(await listed('?kind=suppression')).toHaveLength(2);
    const found = await listed('?target=found@example.org');
    expect(found).toHaveLength(1);
    expect(found[0]!.target_id).toMatch(/^[0-9a-f-]{36} sha256:[0-9a-f]{32}$/);
  });

  it('goes on page by page, the latest first', async () => {
    for (let n = 0; n < 5; n++) await api.post('/api/admin/queues/low/pause', { reason: `${n}` }, operator.key);
    await api.post('/api/admin/queues/low/resume', {}, operator.key);
    const reasons: (string | null)[] = [];
    let cursor = '';
    do {
      const response = await api.get(`/api/admin/audit?limit=2&action=queue.pause${cursor}`, operator.key);
      const page = (await response.json()) as { acts: ListedAct[]; next_cursor: string | null };
      reasons.push(...page.acts.map(({ reason }) => reason));
      cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : '';
    } while (cursor);
    expect(reasons).toEqual(['4', '3', '2', '1', '0']);
  });

  it('takes times, clients and keys, and refuses what it does not know, every fault at once', async () => {
    await api.post('/api/admin/queues/low/resume', {}, operator.key);
    expect(await listed(`?client=${operator.id}&key=${keyId}&from=2020-01-01T00:00:00Z`)).toHaveLength(1);
    expect(await listed('?to=2020-01-01T00:00:00Z')).toEqual([]);
    expect(await listed(`?client=${owner.id}`)).toEqual([]);
    const response = await api.get('/api/admin/audit?kind=moon&from=yesterday&colour=red', operator.key);
    expect(response.status).toBe(422);
    expect(((await response.json()) as { errors: unknown[] }).errors).toHaveLength(3);
  });
});

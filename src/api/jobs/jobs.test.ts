import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient, type TestClient } from '../../../test/support/database.js';
import { insertDeadEmail } from '../../../test/support/dead.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { answerOf } from '../../../test/support/record.js';
import { MOST_ACTIVE_JOBS } from '../../domain/jobs/jobs.js';

let api: TestApi;
let operator: TestClient;
beforeAll(async () => {
  api = await startTestApi();
  operator = await insertClient(api.db, { operator: true, keyColumns: { name: 'on call' } });
});
afterAll(() => api?.stop());
afterEach(async () => {
  await api.db.deleteFrom('job_items').execute();
  await api.db.deleteFrom('jobs').execute();
});

interface Begun {
  readonly job: { readonly id: string; readonly parameters: unknown } | null;
  readonly preview: { readonly matched: number; readonly sample: readonly string[] } | null;
}
const post = (path: string, body: object) => api.post(`/api/admin/jobs${path}`, body, operator.key);
const get = (path: string) => api.get(`/api/admin/jobs${path}`, operator.key);
async function begin(body: object): Promise<Begun> {
  const answer = await post('', { reason: 'the key was wrong', ...body });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Begun;
}
const job = async () => (await begin({ kind: 'retry', all: true })).job!.id;
const none = '019a0000-0000-7000-8000-000000000000';

describe('POST /api/admin/jobs', () => {
  it('says in a dry run what it would do, and does nothing', async () => {
    const { id: client } = await insertClient(api.db);
    const dead = await insertDeadEmail(api.db, { clientId: client, priority: 'low' });
    await insertQueuedEmail(api.db, { clientId: client });
    const { job: begun, preview } = await begin({ kind: 'retry', filter: { client }, dry_run: true });
    expect(begun).toBeNull();
    expect(preview).toEqual({
      matched: 1,
      complete: true,
      by_status: { dead: 1 },
      by_priority: { low: 1 },
      by_client: { [client]: 1 },
      would_skip: {},
      sample: [dead],
    });
    expect(await (await get('')).json()).toEqual({ jobs: [], next_cursor: null });
    const acts = await api.db.selectFrom('audit_log').select('action').where('target_kind', '=', 'job').execute();
    expect(acts).toEqual([]);
  });

  it('is about the e-mails that fit its filter, all of it, and about no others', async () => {
    const { id: client } = await insertClient(api.db);
    const changes = [
      { sender: 'North <north@example.com>', priority: 'critical', tags: ['sale', 'spring'], metadata: { order: 7 } },
      { sender: 'north@example.com', priority: 'low', tags: ['sale'], metadata: { order: '7', plan: 'a' } },
      { sender: 'south@example.com', priority: 'low', tags: ['spring'], metadata: { order: 8 } },
      { sender: 'south@example.com', receiver: 'grace@example.net', priority: 'medium', tags: [], metadata: {} },
    ] as const;
    const ids: string[] = [];
    for (const { tags, metadata, sender, ...others } of changes) {
      const id = await insertQueuedEmail(api.db, { clientId: client, ...others });
      const set = { sender, tags: [...tags], metadata: JSON.stringify(metadata) };
      await api.db.updateTable('emails').set(set).where('id', '=', id).execute();
      ids.push(id);
    }
    const matched = async (filter: object) => {
      const { preview } = await begin({ kind: 'cancel', filter: { client, ...filter }, dry_run: true });
      expect(preview!.sample).toHaveLength(preview!.matched);
      return ids.flatMap((id, n) => (preview!.sample.includes(id) ? [n] : []));
    };
    expect(await matched({ sender: 'North@Example.com' })).toEqual([0, 1]);
    expect(await matched({ receiver: 'grace@example.net' })).toEqual([3]);
    expect(await matched({ receiver_domain: 'example.org' })).toEqual([0, 1, 2]);
    expect(await matched({ priority: 'low' })).toEqual([1, 2]);
    expect(await matched({ tag: 'sale' })).toEqual([0, 1]);
    expect(await matched({ metadata: { order: '7' } })).toEqual([0, 1]);
    expect(await matched({ metadata: { order: '7', plan: 'a' } })).toEqual([1]);
    expect(await matched({ tag: 'spring', priority: 'low', sender: 'south@example.com' })).toEqual([2]);
    expect(await matched({ tag: 'sale', metadata: { order: '8' } })).toEqual([]);
    expect(await matched({ status: ['queued'] })).toEqual([0, 1, 2, 3]);
    expect(await matched({ status: ['scheduled'] })).toEqual([]);
  });

  it('begins one, and shows who did, why, and what with', async () => {
    const { job: begun } = await begin({
      kind: 'reroute',
      filter: { tag: 'sale' },
      through: 'mandrill',
      rate_per_s: 5,
    });
    const shown = await (await get(`/${begun!.id}`)).json();
    expect(shown).toEqual(begun);
    expect(shown).toMatchObject({
      kind: 'reroute',
      state: 'planning',
      who: expect.stringMatching(/\/on call$/),
      reason: 'the key was wrong',
      rate_per_s: 5,
      matched: 0,
      counts: { pending: 0, done: 0, skipped: {}, failed: {} },
      parameters: {
        through: 'mandrill',
        selection: { statuses: expect.arrayContaining(['queued', 'retrying']), filter: { tag: 'sale' } },
      },
    });
    expect(JSON.stringify(shown)).not.toContain('delivered');
  });

  it('takes the window at its beginning: what is accepted later is not its business', async () => {
    const { id: client } = await insertClient(api.db);
    const { job: begun } = await begin({ kind: 'cancel', filter: { client } });
    const later = await insertQueuedEmail(api.db, { clientId: client });
    const { selection } = begun!.parameters as { selection: { range: { from: string; before: string } } };
    expect(selection.range.before <= later).toBe(true);
  });

  it.each([
    [{ kind: 'retry' }, ['all']],
    [{ kind: 'retry', all: true, filter: { tag: 'x' } }, ['all']],
    [{ kind: 'retry', filter: { status: ['delivered'] } }, ['filter.status']],
    [{ kind: 'retry', all: true, through: 'any' }, ['through']],
    [{ kind: 'cancel', all: true, through: 'mailgun' }, ['through']],
    [{ kind: 'cancel', filter: { status: ['dead', 'lost'] } }, ['filter.status', 'filter.status']],
    [{ kind: 'reroute', all: true }, ['through']],
    [{ kind: 'reroute', through: 'smtp' }, ['all', 'through']],
    [{ kind: 'discard', filter: { status: ['bounced'] } }, ['filter.status']],
    [{ kind: 'discard', all: true, through: 'mailgun' }, ['through']],
    [{ kind: 'retry', all: true, corrected: { receiver: 'ada@example.org' } }, ['filter.receiver']],
    [{ kind: 'retry', filter: { tag: 'x' }, corrected: { domain: 'example.org' } }, ['filter.receiver_domain']],
    [{ kind: 'discard', all: true, corrected: { domain: 'example.org' } }, ['corrected']],
    [{ kind: 'retry', all: true, corrected: {} }, ['corrected']],
    [{ kind: 'retry', filter: { code: 'timeout', without_code: true } }, ['filter.without_code']],
    [{ kind: 'retry', filter: { provider: 'smtp', without_provider: true } }, ['filter.without_provider']],
    [{ kind: 'pause', all: true, reason: ' ', rate_per_s: 0 }, ['kind', 'reason', 'rate_per_s']],
    [{ kind: 'retry', filter: { colour: 'red' } }, ['colour']],
    [{ kind: 'retry', filter: { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' } }, ['filter.to']],
    [{ kind: 'retry', filter: { metadata: { a: '', b: '', c: '', d: '', e: '', f: '' } } }, ['filter.metadata']],
  ])('refuses %j, every fault at once', async (body, fields) => {
    const refused = await post('', { reason: 'why', ...body });
    const { code, errors } = (await refused.json()) as { code: string; errors: { field: string }[] };
    expect([refused.status, code, errors.map(({ field }) => field)]).toEqual([422, 'invalid_fields', fields]);
  });

  it('refuses one more than may go on', async () => {
    for (let n = 0; n < MOST_ACTIVE_JOBS; n++) await job();
    expect(await answerOf(await post('', { kind: 'cancel', all: true, reason: 'x' }))).toEqual([409, 'too_many_jobs']);
  });
});

describe('/api/admin/jobs/{id}', () => {
  it('is stopped and resumed, once each', async () => {
    const id = await job();
    expect(await (await post(`/${id}/stop`, {})).json()).toMatchObject({ id, state: 'stopped' });
    expect(await answerOf(await post(`/${id}/stop`, {}))).toEqual([409, 'job_over']);
    expect(await (await post(`/${id}/resume`, { reason: 'right' })).json()).toMatchObject({ id, state: 'planning' });
    expect(await answerOf(await post(`/${id}/resume`, {}))).toEqual([409, 'job_over']);
  });

  it('is not resumed beside as many as may go on', async () => {
    const id = await job();
    await post(`/${id}/stop`, {});
    for (let n = 0; n < MOST_ACTIVE_JOBS; n++) await job();
    expect(await answerOf(await post(`/${id}/resume`, {}))).toEqual([409, 'too_many_jobs']);
  });

  it('is 404 when there is none', async () => {
    for (const id of [none, 'none']) {
      expect(await answerOf(await get(`/${id}`))).toEqual([404, 'job_not_found']);
      expect(await answerOf(await get(`/${id}/items`))).toEqual([404, 'job_not_found']);
      expect(await answerOf(await post(`/${id}/stop`, {}))).toEqual([404, 'job_not_found']);
      expect(await answerOf(await post(`/${id}/resume`, {}))).toEqual([404, 'job_not_found']);
    }
  });
});

describe('lists', () => {
  it('jobs, the newest first, page by page, by state and kind', async () => {
    const ids = [await job(), await job(), await job()];
    await post(`/${ids[1]}/stop`, {});
    const first = (await (await get('?limit=2')).json()) as { jobs: { id: string }[]; next_cursor: string };
    const second = (await (await get(`?limit=2&cursor=${first.next_cursor}`)).json()) as typeof first;
    expect([...first.jobs, ...second.jobs].map(({ id }) => id)).toEqual([...ids].reverse());
    expect(second.next_cursor).toBeNull();
    expect(await (await get('?state=stopped&kind=retry')).json()).toMatchObject({ jobs: [{ id: ids[1] }] });
    expect(await (await get('?kind=cancel')).json()).toMatchObject({ jobs: [] });
  });

  it('what became of items, page by page, by state and code', async () => {
    const job_id = await job();
    const rows = [1, 2, 3].map((number) => ({ job_id, number, target: `t${number}`, state: 'done' as const }));
    const skipped = { job_id, number: 4, target: 't4', state: 'skipped' as const, code: 'changed' };
    await api.db.insertInto('job_items').values(rows).execute();
    await api.db.insertInto('job_items').values(skipped).execute();
    const first = (await (await get(`/${job_id}/items?limit=3`)).json()) as { items: object[]; next_cursor: string };
    const second = await (await get(`/${job_id}/items?limit=3&cursor=${first.next_cursor}`)).json();
    expect(first.items).toHaveLength(3);
    expect(second).toMatchObject({ items: [{ target: 't4', code: 'changed' }], next_cursor: null });
    expect(await (await get(`/${job_id}/items?state=skipped&code=changed`)).json()).toMatchObject(second as object);
  });
});

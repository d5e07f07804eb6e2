import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient, type TestClient } from '../../../test/support/database.js';
import { answerOf } from '../../../test/support/record.js';
import { ROUTES } from '../routes.js';

let api: TestApi;
let operator: TestClient;
beforeAll(async () => {
  api = await startTestApi();
  operator = await insertClient(api.db, { operator: true });
});
afterAll(() => api.stop());

/** What a browser says of a page of ours. */
const OURS = { 'Sec-Fetch-Site': 'same-origin' };
/** And of another site's. */
const THEIRS = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example.com' };

function ask(method: string, path: string, headers: Record<string, string> = {}, body?: object): Promise<Response> {
  const type = body && { 'Content-Type': 'application/json' };
  return fetch(`${api.url}${path}`, { method, headers: { ...type, ...headers }, body: body && JSON.stringify(body) });
}

/** The cookie of an answer, and what is said of it. */
function cookieOf(answer: Response): { readonly cookie: string; readonly words: string } {
  const words = answer.headers.getSetCookie().join();
  return { cookie: words.split(';')[0]!, words };
}

async function signIn(key = operator.key, headers: Record<string, string> = OURS): Promise<Record<string, string>> {
  const answer = await ask('POST', '/api/session', headers, { key });
  expect(answer.status, await answer.clone().text()).toBe(200);
  return { ...OURS, Cookie: cookieOf(answer).cookie };
}

const pause = (headers: Record<string, string>) =>
  ask('POST', '/api/admin/queues/low/pause', headers, { reason: 'a test of the console' });
const overview = (headers: Record<string, string>) => ask('GET', '/api/admin/overview', headers);

describe('POST /api/session', () => {
  it('signs a browser in as its key, in a cookie that no script reads and no other site sends', async () => {
    const answer = await ask('POST', '/api/session', OURS, { key: operator.key });
    expect(await answer.json()).toMatchObject({ session: { client_id: operator.id, role: 'admin' } });
    const { cookie, words } = cookieOf(answer);
    expect(words).toMatch(/; Path=\/api; Expires=[^;]+; HttpOnly; SameSite=Strict$/);
    expect((await overview({ ...OURS, Cookie: cookie })).status).toBe(200);
    const kept = await api.db.selectFrom('sessions').selectAll().execute();
    expect(JSON.stringify(kept)).not.toContain(cookie.split('=')[1]);
  });

  it('sends it over https alone where the page came so', async () => {
    const host = new URL(api.url).host;
    const answer = await ask('POST', '/api/session', { ...OURS, Origin: `https://${host}` }, { key: operator.key });
    expect(cookieOf(answer).words).toMatch(/; Secure$/);
  });

  it('begins another session each time: what a browser brought along is ended, or was never one', async () => {
    const planted = { ...OURS, Cookie: 'tempost_session=chosen-by-somebody-else' };
    const first = await signIn(operator.key, planted);
    expect(first.Cookie).not.toContain('chosen');
    const second = await signIn(operator.key, first);
    expect(second.Cookie).not.toBe(first.Cookie);
    expect(await answerOf(await overview(first))).toEqual([401, 'invalid_session']);
    expect((await overview(second)).status).toBe(200);
  });

  it.each([
    ['a key that is nobody’s', { key: 'tp_nobody' }, 401, 'invalid_api_key'],
    ['a token that is none', { token: 'none' }, 401, 'invalid_link'],
    ['both', { key: 'a', token: 'b' }, 422, 'invalid_fields'],
    ['neither', {}, 422, 'invalid_fields'],
  ])('refuses %s', async (_, body, status, code) => {
    const answer = await ask('POST', '/api/session', OURS, body);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(await answerOf(answer)).toEqual([status, code]);
  });

  it('is not for pages of other sites', async () => {
    const answer = await ask('POST', '/api/session', THEIRS, { key: operator.key });
    expect(await answerOf(answer)).toEqual([403, 'cross_site_request']);
  });

  it('shuts out who guesses, and nobody who is right', async () => {
    const other = await startTestApi();
    try {
      const { key } = await insertClient(other.db, { operator: true });
      const post = (body: object) =>
        fetch(`${other.url}/api/session`, {
          method: 'POST',
          headers: { ...OURS, 'Content-Type': 'application/json' },
          body: JSON.stringify(body),
        });
      expect((await post({ key })).status).toBe(200);
      const codes = new Set<string>();
      for (let n = 0; n < 130; n++) codes.add(String((await answerOf(await post({ key: `tp_guess-${n}` })))[1]));
      expect([...codes]).toEqual(['invalid_api_key', 'rate_limited']);
      expect((await post({ key })).status).toBe(200);
    } finally {
      await other.stop();
    }
  });
});

describe('a session', () => {
  it('is for pages of ours alone, whatever it asks; of those that change something, each has to say so', async () => {
    const session = await signIn();
    const cookie = { Cookie: session.Cookie! };
    const host = new URL(api.url).host;
    const elsewhere: Record<string, string>[] = [
      THEIRS,
      { 'Sec-Fetch-Site': 'same-site' },
      { Origin: 'null' },
      { Origin: 'http://other:1' },
      {},
    ];
    for (const from of elsewhere) {
      expect(await answerOf(await pause({ ...cookie, ...from }))).toEqual([403, 'cross_site_request']);
    }
    expect(await answerOf(await overview({ ...cookie, ...THEIRS }))).toEqual([403, 'cross_site_request']);
    expect(await answerOf(await ask('DELETE', '/api/session', { ...cookie, ...THEIRS }))).toEqual([
      403,
      'cross_site_request',
    ]);
    const { paused_at } = await api.db
      .selectFrom('queue_controls')
      .select('paused_at')
      .where('priority', '=', 'low')
      .executeTakeFirstOrThrow();
    expect(paused_at).toBeNull();
    expect((await pause({ ...cookie, Origin: `http://${host}` })).status).toBe(200);
    expect((await pause(session)).status).toBe(200);
  });

  it('is what the audit names as its way', async () => {
    await pause(await signIn());
    const answer = await api.get('/api/admin/audit?source=console&limit=1', operator.key);
    expect(await answer.json()).toMatchObject({ acts: [{ source: 'console', action: 'queue.pause' }] });
  });

  it('may what its key may now, and nothing once that is revoked', async () => {
    const { id, key } = await insertClient(api.db, { keyColumns: { role: 'viewer', scopes: [] } });
    const session = await signIn(key);
    expect(await answerOf(await pause(session))).toEqual([403, 'insufficient_role']);
    await api.db.updateTable('api_keys').set({ role: 'operator' }).where('client_id', '=', id).execute();
    expect((await pause(session)).status).toBe(200);
    await api.db.updateTable('api_keys').set({ revoked_at: sql<Date>`now()` }).where('client_id', '=', id).execute();
    expect(await answerOf(await overview(session))).toEqual([401, 'invalid_session']);
  });

  it('is refused whatever its key is refused, at every route', async () => {
    const { key } = await insertClient(api.db, { keyColumns: { role: 'viewer', scopes: [] } });
    const session = await signIn(key);
    const id = '019a0000-0000-7000-8000-000000000000';
    for (const { method, path, access, operationId } of ROUTES) {
      if (access === 'public') continue;
      const filled = path
        .replaceAll(/\{(id|key)\}/g, id)
        .replaceAll('{priority}', 'low')
        .replaceAll('{name}', 'mailgun')
        .replaceAll(/\{\w+\}/g, 'a@example.org');
      const body = method === 'get' || method === 'delete' ? undefined : {};
      const told = async (headers: Record<string, string>) => {
        const answer = await ask(method.toUpperCase(), filled, headers, body);
        return [operationId, answer.status, /"code":"(\w+)"/.exec(await answer.text())?.[1]];
      };
      const byKey = await told({ Authorization: `Bearer ${key}` });
      // What makes sessions is for keys alone.
      if (operationId !== 'createSignInLink') expect(await told(session)).toEqual(byKey);
      if (access.role !== 'viewer') expect(byKey.slice(1)).toEqual([403, 'insufficient_role']);
    }
  });

  it('shows a client’s key its client’s alone', async () => {
    const session = await signIn(api.client.key);
    expect(await answerOf(await overview(session))).toEqual([403, 'operator_only']);
    expect((await ask('GET', '/api/emails', session)).status).toBe(200);
  });

  it.each(['expires_at', 'seen_at'] as const)('is over by its %s', async (column) => {
    const session = await signIn();
    const past = column === 'expires_at' ? sql<Date>`now()` : sql<Date>`now() - interval '61 minutes'`;
    await api.db
      .updateTable('sessions')
      .set({ [column]: past })
      .execute();
    expect(await answerOf(await overview(session))).toEqual([401, 'invalid_session']);
    const who = await ask('GET', '/api/session', session);
    expect(await who.json()).toMatchObject({ session: null });
  });

  it('goes on as long as it is used', async () => {
    const session = await signIn();
    const older = sql<Date>`now() - interval '50 minutes'`;
    await api.db.updateTable('sessions').set({ seen_at: older }).execute();
    expect((await overview(session)).status).toBe(200);
    const { fresh } = await api.db
      .selectFrom('sessions')
      .select(sql<number>`count(*) filter (where seen_at > now() - interval '1 minute')`.as('fresh'))
      .executeTakeFirstOrThrow();
    expect(Number(fresh)).toBe(1);
  });

  it('ends at once when its owner signs out', async () => {
    const session = await signIn();
    expect(await (await ask('GET', '/api/session', session)).json()).toMatchObject({
      session: { client_id: operator.id },
    });
    const out = await ask('DELETE', '/api/session', session);
    expect([out.status, cookieOf(out).words]).toEqual([204, expect.stringContaining('Max-Age=0')]);
    expect(await answerOf(await overview(session))).toEqual([401, 'invalid_session']);
    expect((await ask('DELETE', '/api/session')).status).toBe(204);
  });

  it('of one key there are a hundred at most; the oldest ends', async () => {
    const { key } = await insertClient(api.db, { keyColumns: { role: 'viewer', scopes: [] } });
    const first = await signIn(key);
    await api.db.updateTable('sessions').set({ created_at: sql<Date>`now() - interval '1 hour'` }).execute();
    for (let n = 0; n < 100; n++) await signIn(key);
    expect(await answerOf(await overview(first))).toEqual([401, 'invalid_session']);
  });
});

describe('POST /api/session/links', () => {
  const link = async () => {
    const answer = await api.post('/api/session/links', {}, operator.key);
    expect(answer.status).toBe(201);
    return ((await answer.json()) as { path: string }).path;
  };

  it('makes an address that signs in once, also when two open it at once', async () => {
    const path = await link();
    expect(path).toMatch(/^\/console\/sign-in#[\w-]{43}$/);
    const body = { token: path.split('#')[1] };
    const answers = await Promise.all([1, 2, 3].map(() => ask('POST', '/api/session', OURS, body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
    const cookie = cookieOf(answers.find(({ ok }) => ok)!).cookie;
    expect((await overview({ ...OURS, Cookie: cookie })).status).toBe(200);
  });

  it('lasts a quarter of an hour', async () => {
    const path = await link();
    await api.db.updateTable('sign_in_links').set({ expires_at: sql<Date>`now()` }).execute();
    expect(await answerOf(await ask('POST', '/api/session', OURS, { token: path.split('#')[1] }))).toEqual([
      401,
      'invalid_link',
    ]);
  });

  it('is not for sessions, which would last longer by it', async () => {
    expect(await answerOf(await ask('POST', '/api/session/links', await signIn()))).toEqual([
      403,
      'cross_site_request',
    ]);
  });
});

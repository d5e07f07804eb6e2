import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openConnection, startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';
import { insertDeadEmail } from '../../../test/support/dead.js';
import { runBuild, runBuilds } from '../../../test/support/operators/builds.js';
import { answerOf } from '../../../test/support/record.js';
import { beginJob, stopJob } from '../../domain/jobs/jobs.js';
import { ensurePartitions } from '../../postgres/partitions.js';
import { ROUTES } from '../routes.js';
import { patternOf } from '../routing/mount.js';
import { PROBLEMS, type ProblemCode } from '../routing/problem-codes.js';
import type { Route } from '../routing/route.js';
import { problemsOf } from './openapi.js';

let api: TestApi;
let operator: string;
let description: { paths: Record<string, Record<string, { operationId: string }>> };
beforeAll(async () => {
  api = await startTestApi();
  ({ key: operator } = await insertClient(api.db, { operator: true }));
  description = (await (await fetch(`${api.url}/openapi.json`)).json()) as typeof description;
});
afterAll(() => api.stop());

describe('GET /openapi.json', () => {
  it('describes every route and nothing else', () => {
    const described = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(described.sort()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).sort());
  });

  it.each([...new Set(ROUTES.map(({ path }) => path))])('knows what the server does at %s', async (path) => {
    const at = path.replaceAll(/\{\w+\}/g, 'medium');
    const allow = (await fetch(`${api.url}${at}`, { method: 'OPTIONS' })).headers.get('Allow') ?? '';
    const served = allow.split(', ').filter((method) => method !== 'HEAD' && method !== 'OPTIONS');
    // Another path can match as well: `/api/dead-letters/retry` could be an id.
    const described = Object.entries(description.paths)
      .filter(([other]) => patternOf(other).test(at))
      .flatMap(([, methods]) => Object.keys(methods).map((method) => method.toUpperCase()));
    expect(served.sort()).toEqual([...new Set(described)].sort());
  });

  it('gives every operation a name of its own', () => {
    const names = ROUTES.map(({ operationId }) => operationId);
    expect(new Set(names).size).toBe(names.length);
  });

  it('needs no key, and neither does the page', async () => {
    for (const path of ['/openapi.json', '/docs']) expect((await fetch(`${api.url}${path}`)).status).toBe(200);
  });

  it.each(['/openapi.json', '/docs'])('%s is made once, and not sent again to whoever has it', async (path) => {
    const first = await fetch(`${api.url}${path}`);
    const etag = first.headers.get('ETag')!;
    const text = await first.text();
    expect(etag).toBe(`"${createHash('sha256').update(text).digest('base64url')}"`);
    const again = await fetch(`${api.url}${path}`, { headers: { 'If-None-Match': etag } });
    expect([again.status, again.headers.get('ETag'), await again.text()]).toEqual([304, etag, '']);
    const other = await fetch(`${api.url}${path}`, { headers: { 'If-None-Match': '"another"' } });
    expect([other.status, await other.text()]).toEqual([200, text]);
  });

  it('names every code that there is, but for those of requests that reach no route', () => {
    const around = ['not_found', 'method_not_allowed', 'request_timeout', 'headers_too_large'];
    const named = new Set<string>([...ROUTES.flatMap(problemsOf), ...around]);
    expect(Object.keys(PROBLEMS).filter((code) => !named.has(code))).toEqual([]);
  });
});

describe('the documented examples are taken', () => {
  const examples = ROUTES.flatMap((route) => {
    const content = route.body?.kind === 'json' ? { 'application/json': route.body } : (route.body?.content ?? {});
    return Object.entries(content).flatMap(([mediaType, { examples: named = {} }]) =>
      Object.entries<unknown>(named).map(([name, value]) => ({
        name: `${route.operationId}, ${mediaType}: ${name}`,
        route,
        mediaType,
        value,
      })),
    );
  });
  it.each(examples)('$name', async ({ route, mediaType, value }) => {
    const path = await existing(route);
    const headers: Record<string, string> = { Authorization: `Bearer ${operator}` };
    let body: FormData | string;
    if (mediaType === 'multipart/form-data') {
      body = new FormData();
      for (const [field, text] of Object.entries(value as object)) body.append(field, text);
    } else {
      headers['Content-Type'] = mediaType;
      body = JSON.stringify(value);
    }
    const response = await fetch(`${api.url}${path}`, { method: route.method.toUpperCase(), headers, body });
    expect(response.status, await response.text()).toBe(route.answer?.status);
  });

  /** The route's path with ids of what there is. */
  async function existing({ path }: Route): Promise<string> {
    const values: Record<string, string> = { priority: 'low', name: 'mailgun' };
    if (/^\/api\/(email|dead-letters)\/\{id\}/.test(path)) {
      values.id = await insertDeadEmail(api.db, { clientId: (await insertClient(api.db)).id });
    } else if (path.startsWith('/api/clients/{id}')) {
      values.id = (await insertClient(api.db)).id;
      const keys = api.db.selectFrom('api_keys').select('id').where('client_id', '=', values.id);
      values.key = (await keys.executeTakeFirstOrThrow()).id;
    } else if (path.includes('{month}')) {
      await ensurePartitions(api.db, new Date(Date.UTC(2024, 0, 15)));
      values.month = '202401';
    } else if (path.startsWith('/api/admin/builds')) {
      await runBuilds(api.db);
      await runBuild(api.db, undefined);
      values.build = '1.4.0';
    } else if (path.startsWith('/api/admin/jobs/{id}')) {
      const terms = { kind: 'cancel', parameters: {}, reason: 'an example', ratePerS: 1 } as const;
      values.id = (await beginJob(api.db, terms))!;
      if (path.endsWith('/resume')) await stopJob(api.db, values.id);
    }
    return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name]!);
  }
});

describe('GET /docs', () => {
  it('shows every operation, and loads nothing', async () => {
    const response = await fetch(`${api.url}/docs`);
    const page = await response.text();
    expect(response.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
    for (const { operationId, path } of ROUTES) {
      expect(page).toContain(`<article id="${operationId}">`);
      expect(page).toContain(`<code>${path}</code>`);
    }
    expect(page).not.toMatch(/<script|<img|<link|<iframe|\ssrc=|\sstyle=|\son\w+=|url\(|@import/);
  });

  it('has a policy that allows its own style and nothing else', async () => {
    const response = await fetch(`${api.url}/docs`);
    const [, style] = /<style>([\s\S]*?)<\/style>/.exec(await response.text())!;
    const policy = response.headers.get('Content-Security-Policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style!).digest('base64')}';`);
  });
});

describe('refusals that only a fault or an odd request brings about', () => {
  it('500 internal_error for a fault of ours, without a word of what it is', async () => {
    const broken = await startTestApi();
    try {
      await sql`alter table suppressions rename column reason to another`.execute(broken.db);
      const response = await broken.get('/api/suppressions');
      expect(response.headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/);
      const body = await response.text();
      expect(JSON.parse(body)).toMatchObject({ status: 500, code: 'internal_error' });
      expect(body).not.toMatch(/suppressions|column|reason/);
    } finally {
      await broken.stop();
    }
  });

  it('431 headers_too_large', async () => {
    const { socket, answer } = await openConnection(api.port);
    socket.write(`GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(32 * 1024)}\r\n\r\n`);
    expect(await answer).toContain(PROBLEMS.headers_too_large.status.toString());
    expect(await answer).toContain('"code":"headers_too_large"');
  });

  it('405 with Allow where a path that is declared could be taken for a parameter of another', async () => {
    const answer = await api.get('/api/dead-letters/retry');
    expect([answer.status, answer.headers.get('Allow')]).toEqual([405, 'POST']);
    expect(await answer.json()).toMatchObject({ code: 'method_not_allowed' });
  });

  it('405 with Allow, also for a method that no address has', async () => {
    for (const method of ['PUT', 'SEARCH']) {
      const response = await fetch(`${api.url}/healthz`, { method });
      expect(response.headers.get('Allow')).toBe('HEAD, GET');
      expect(await answerOf(response)).toEqual([405, 'method_not_allowed' satisfies ProblemCode]);
    }
  });
});

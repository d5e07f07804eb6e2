import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OperatedApi, startOperatedApi } from '../../../test/support/api.js';
import { runBuild } from '../../../test/support/operators/builds.js';
import { runCli } from '../../cli/run.js';
import { beginLook, keepSeen } from '../../domain/fleets/builds.js';
import type { Priority } from '../../priority.js';

let api: OperatedApi;
beforeEach(async () => {
  api = await startOperatedApi();
});
afterEach(() => api?.stop());

const run = (...[id, priorities]: [string | undefined, Priority[]?]) => runBuild(api.db, id, priorities);
const read = async () => (await api.call('GET', '/api/admin/builds')).json();
const ask = async (what: string, body: object = { reason: 'test' }) => {
  const response = await api.call('POST', `/api/admin/builds/${what}`, body);
  const { code, detail, wanted } = (await response.json()) as Record<string, unknown>;
  return response.ok ? wanted : [response.status, code, detail];
};
const share = (buildId: string, of: number, low = 0) => ({
  buildId,
  share: of,
  pinned: { critical: 0, medium: 0, low },
});

describe('the builds of the workers', () => {
  it('are none while no worker has one, and are for operators', async () => {
    await run(undefined);
    expect(await read()).toEqual({ wanted: null, seen: null, builds: [] });
    expect((await api.get('/api/admin/builds')).status).toBe(403);
  });

  it('are promoted, ramped and rolled back, step by step', async () => {
    await run('1.2.0');
    await run('1.3.0');
    expect(await ask('rollback')).toEqual([409, 'nothing_to_roll_back', expect.any(String)]);
    expect(await ask('1.2.0/promote')).toMatchObject({
      current: '1.2.0',
      ramping: null,
      previous: null,
      reason: 'test',
    });
    expect(await ask('1.2.0/ramp', { percent: 1, reason: 'test' })).toEqual([
      409,
      'build_is_current',
      expect.any(String),
    ]);
    const ramping = { build_id: '1.3.0', percent: 12.5 };
    expect(await ask('1.3.0/ramp', { percent: 12.5, reason: 'test' })).toMatchObject({ current: '1.2.0', ramping });
    expect(await ask('rollback')).toMatchObject({ current: '1.2.0', ramping: null, previous: null });
    expect(await ask('1.3.0/promote')).toMatchObject({ current: '1.3.0', ramping: null, previous: '1.2.0' });
    expect(await ask('1.3.0/promote')).toMatchObject({ current: '1.3.0', previous: '1.2.0' });
    expect(await ask('rollback')).toMatchObject({ current: '1.2.0', previous: '1.3.0' });
    expect((await read()) as object).toMatchObject({ wanted: { changed_by: expect.any(String) } });
  });

  it('are routed to only while each priority has a worker of them', async () => {
    expect(await ask('1.2.0/promote')).toEqual([404, 'build_not_found', expect.any(String)]);
    expect(await ask('no%20build/promote')).toEqual([404, 'build_not_found', expect.any(String)]);
    await run('1.2.0', ['critical', 'low']);
    for (const [what, body] of [
      ['1.2.0/promote', { reason: 'test' }],
      ['1.2.0/ramp', { percent: 10, reason: 'test' }],
    ] as const) {
      const refusal = await ask(what, body);
      expect(refusal).toEqual([409, 'build_without_workers', expect.stringContaining('tasks of medium;')]);
    }
    expect(await ask('unset')).toEqual([
      409,
      'build_without_workers',
      expect.stringContaining('critical, medium, low'),
    ]);
    await run('1.2.0', ['medium']);
    expect(await ask('1.2.0/promote')).toMatchObject({ current: '1.2.0' });
    await run(undefined);
    expect(await ask('unset')).toMatchObject({ current: null, previous: '1.2.0' });
  });

  it('are retired, but not while e-mails begin there, and used again once promoted', async () => {
    await run('1.2.0');
    await run('1.3.0');
    expect(await ask('1.1.0/retire')).toEqual([404, 'build_not_found', expect.any(String)]);
    await ask('1.2.0/promote');
    expect(await ask('1.2.0/retire')).toEqual([409, 'build_is_current', expect.any(String)]);
    await ask('1.3.0/retire');
    const retired = async () =>
      ((await read()) as { builds: { build_id: string; retired: boolean }[] }).builds
        .filter((each) => each.retired)
        .map(({ build_id }) => build_id);
    expect(await retired()).toEqual(['1.3.0']);
    await ask('1.3.0/promote');
    expect(await retired()).toEqual([]);
  });

  it('show on the command line what is missed, what may end, and what Temporal has not followed', async () => {
    await run('1.3.0');
    await ask('1.3.0/promote', { reason: 'release 1.3.0' });
    const shares = [share('1.1.0', 0), share('1.2.0', 100, 7), share('1.3.0', 0)];
    await keepSeen(api.db, { current: '1.2.0', ramping: null, shares }, (await beginLook(api.db))!);
    const lines: string[] = [];
    const env = { TEMPOST_URL: api.url, TEMPOST_API_KEY: api.operator.key };
    const code = await runCli(['deploy', 'status'], env, {
      out: (text) => lines.push(text),
      error: (text) => lines.push(text),
    });
    const text = lines.join('\n');
    expect(code).toBe(0);
    expect(text).toMatch(/^1\.1\.0 +0 % +0 +0\/0\/0 +0 +over$/m);
    expect(text).toMatch(/^1\.2\.0 +100 % +7 +0\/0\/0 +7 +START WORKERS of critical, medium, low, or retire it$/m);
    expect(text).toMatch(/^1\.3\.0 +0 % +0 +1\/1\/1 +0 +needed$/m);
    expect(text).toMatch(/E-mails are to begin on 1\.3\.0, \d+ s ago by .+: release 1\.3\.0/);
    expect(text).toContain('TEMPORAL HAS NOT FOLLOWED: there they begin on 1.2.0');
  });

  it('may be ended only by a look that is fresh and later than the last change', async () => {
    await run('1.1.0');
    await run('1.2.0');
    const seen = { current: '1.2.0', ramping: null, shares: [share('1.1.0', 0), share('1.2.0', 100)] };
    const mayEnd = async () => {
      const { builds } = (await read()) as { builds: { build_id: string; may_end: boolean }[] };
      return builds.filter((each) => each.may_end).map(({ build_id }) => build_id);
    };
    expect(await mayEnd()).toEqual([]);
    const begun = (await beginLook(api.db))!;
    await keepSeen(api.db, seen, begun);
    expect(await mayEnd()).toEqual(['1.1.0']);
    // A change while it looked.
    await ask('1.2.0/promote');
    await keepSeen(api.db, seen, begun);
    expect(await mayEnd()).toEqual([]);
    await keepSeen(api.db, seen, (await beginLook(api.db))!);
    expect(await mayEnd()).toEqual(['1.1.0']);
    // The dispatcher has been away.
    await sql`update worker_routing set changed_at = changed_at - interval '1 hour',
      seen_at = seen_at - interval '31 seconds'`.execute(api.db);
    expect(await mayEnd()).toEqual([]);
  });
});

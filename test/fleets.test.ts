import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forgetDead, type ProcessView } from '../src/domain/fleets/heartbeats.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { type MetricsPorts, metricsPorts } from './support/monitoring/metrics-ports.js';
import { patient } from './support/patience.js';
import { type ProcessName, Stack } from './support/stack.js';
import { startTestTemporal, type TestTemporal } from './support/temporal.js';
import { until } from './support/until.js';

const NAMES = ['api', 'webhooks', 'dispatcher', 'worker-critical'] as const satisfies readonly ProcessName[];
const PATIENT = { timeout: patient(180_000) };

let database: TestDatabase;
let temporal: TestTemporal;
let ports: MetricsPorts;
let stack: Stack;
beforeAll(async () => {
  [database, temporal, ports] = await Promise.all([createTestDatabase(), startTestTemporal(), metricsPorts()]);
  stack = await Stack.start({
    databaseUrl: database.url,
    temporalAddress: temporal.address,
    envOf: ports.envOf,
    without: ['worker-medium', 'worker-low'],
  });
}, patient(60_000));
afterAll(async () => {
  await stack?.stop();
  await temporal?.drop();
  await database?.drop();
});

interface Told {
  readonly status: string;
  readonly reasons?: readonly string[];
}

/** Waits until a process answers so, with this reason among others. */
async function answers(name: ProcessName, path: '/healthz' | '/readyz', status: number, reason?: string) {
  let told: Told | undefined;
  await until(
    () => `${name} answers ${status} ${reason ?? ''} at ${path} (it says ${JSON.stringify(told)})`,
    async () => {
      const answer = await ports.ask(name, path);
      told = answer && ((await answer.json()) as Told);
      return answer?.status === status && (reason === undefined || told!.reasons!.includes(reason));
    },
    30_000,
  );
  return told!;
}

describe('every process says on METRICS_PORT', PATIENT, () => {
  it('that it lives and can do its work', async () => {
    for (const name of NAMES) {
      expect(await answers(name, '/readyz', 200)).toEqual({ status: 'ready' });
      expect(await answers(name, '/healthz', 200)).toEqual({ status: 'ok' });
    }
  });

  it('that Temporal is gone, where it needs that, and that it is back; it lives on meanwhile', async () => {
    await temporal.kill();
    for (const name of ['dispatcher', 'worker-critical'] as const) {
      const told = await answers(name, '/readyz', 503, 'temporal_unavailable');
      expect(told).toEqual({ status: 'not_ready', reasons: ['temporal_unavailable'] });
      await answers(name, '/healthz', 200);
    }
    await until(
      'the worker is listed as one that does not poll',
      async () => (await find('worker'))?.polling === false,
    );
    for (const name of ['api', 'webhooks'] as const) await answers(name, '/readyz', 200);
    await temporal.start();
    for (const name of NAMES) await answers(name, '/readyz', 200);
    await until('the worker is listed as one that polls', async () => (await find('worker'))?.polling === true);
  });

  it('that the database is gone, and that it is back; it lives on, and beats again', async () => {
    const name = new URL(database.url).pathname.slice(1);
    // From outside of it: a database cannot be closed by who is in it.
    const outside = new pg.Client({ connectionString: String(new URL('/postgres', database.url)) });
    await outside.connect();
    await outside.query(`alter database "${name}" allow_connections false`);
    await outside.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
    for (const process of NAMES) await answers(process, '/readyz', 503, 'database_unavailable');
    for (const process of NAMES) await answers(process, '/healthz', 200);
    await outside.query(`alter database "${name}" allow_connections true`);
    await outside.end();
    for (const process of NAMES) await answers(process, '/readyz', 200);
    await until('all are heard again', async () => {
      const all = await processes();
      return all.length === NAMES.length && all.every(({ silent }) => !silent);
    });
  });

  it('that it hangs in its start', async () => {
    await stack.end('worker-critical', 'SIGTERM');
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await other.query('begin; lock table provider_controls in access exclusive mode');
    await stack.startProcess('worker-critical');
    expect((await answers('worker-critical', '/readyz', 503, 'starting')).status).toBe('not_ready');
    await answers('worker-critical', '/healthz', 200);
    await other.query('rollback');
    await other.end();
    await answers('worker-critical', '/readyz', 200);
  });
});

async function processes(): Promise<ProcessView[]> {
  const answer = await fetch(`${stack.api}/api/admin/overview`, { headers: { authorization: `Bearer ${stack.key}` } });
  if (!answer.ok) return [];
  return ((await answer.json()) as { processes: ProcessView[] }).processes;
}
const find = async (process: string, pid?: number) =>
  (await processes()).find((each) => each.process === process && (pid === undefined || each.pid === pid));

it(
  'a dispatcher tells at /scale how many workers there should be, and who runs',
  async () => {
    let critical: Record<string, unknown> | undefined;
    await until('the worker is counted', async () => {
      const answer = await ports.ask('dispatcher', '/scale');
      if (!answer?.ok) return false;
      const { priorities } = (await answer.json()) as { priorities: Record<string, unknown>[] };
      critical = priorities.find(({ priority }) => priority === 'critical');
      return critical?.workers === 1;
    });
    expect(critical).toMatchObject({ worker_slots: 50, wanted_workers: 2, paused: false, admitted: true, waiting: 0 });
    const metrics = await (await ports.ask('dispatcher', '/metrics'))!.text();
    expect(metrics).toMatch(/^tempost_scale_wanted_workers\{priority="critical"\} 2$/m);
    expect(await ports.ask('api', '/scale')).toMatchObject({ status: 404 });
  },
  PATIENT.timeout,
);

describe('the list of processes', PATIENT, () => {
  it('has each of them, with what it is and does', async () => {
    await until('all are listed', async () => (await processes()).length === NAMES.length);
    await until('the worker tells its slots', async () => (await find('worker'))?.slots != null);
    const worker = (await find('worker', stack.pidOf('worker-critical')))!;
    expect(worker).toMatchObject({ priority: 'critical', slots: 50, slots_used: 0, silent: false });
    expect(worker.version).toMatch(/^\d+\.\d+\.\d+/);
    expect((await find('api'))!).toMatchObject({ pid: stack.pidOf('api'), priority: null, polling: null, slots: null });
    const id = await stack.submit({ priority: 'critical' });
    await until('the worker got a task', async () => (await find('worker'))?.last_task_at != null);
    expect((await stack.email(id)).id).toBe(id);
  });

  it('shows one that is frozen within 15 s, and that it is back', async () => {
    const pid = stack.pidOf('worker-critical');
    process.kill(pid, 'SIGSTOP');
    let view: ProcessView | undefined;
    await until('the frozen one shows', async () => {
      view = await find('worker', pid);
      return view?.silent === true;
    });
    const told = await ports.ask('worker-critical', '/healthz');
    // Before anything can fail: a frozen one would hold up the tests that follow.
    process.kill(pid, 'SIGCONT');
    expect(told).toBeUndefined();
    // By the database's clock: it shows from the twelfth second on, whenever somebody looks. What is told is rounded.
    expect(view!.beat_s).toBeGreaterThanOrEqual(12);
    await until('it is heard again', async () => (await find('worker', pid))?.silent === false);
    await answers('worker-critical', '/healthz', 200);
  });

  it('loses one that is stopped in order at once, and one that was killed after an hour', async () => {
    const stopped = stack.pidOf('worker-critical');
    await stack.end('worker-critical', 'SIGTERM');
    expect(await find('worker', stopped)).toBeUndefined();

    const killed = stack.pidOf('dispatcher');
    await stack.kill('dispatcher');
    expect(await find('dispatcher', killed)).toBeDefined();
    await until('the killed one shows', async () => (await find('dispatcher', killed))?.silent === true);
    const { db } = database;
    await sql`update process_heartbeats set beat_at = now() - interval '61 minutes' where pid = ${killed}`.execute(db);
    expect(await find('dispatcher', killed)).toBeUndefined();
    await forgetDead(db);
    const pids = (await db.selectFrom('process_heartbeats').select('pid').execute()).map(({ pid }) => pid);
    expect(pids).not.toContain(killed);
    expect(pids).toContain(stack.pidOf('api'));
  });

  it('costs no work on indexes, and nothing of the write-ahead log', async () => {
    const read = async () => {
      const { rows } = await sql<{ beats: number; hot: number; persistence: string }>`
        select n_tup_upd as beats, n_tup_hot_upd as hot, relpersistence as persistence
        from pg_stat_user_tables join pg_class c on c.oid = relid where c.relname = 'process_heartbeats'`.execute(
        database.db,
      );
      return rows[0]!;
    };
    await until('some beats are counted', async () => (await read()).beats >= 10);
    const { beats, hot, persistence } = await read();
    expect(hot).toBeGreaterThanOrEqual(Math.floor(beats * 0.9));
    expect(persistence).toBe('u');
  });
});

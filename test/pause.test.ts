import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { QueueReport } from '../src/domain/queue/report.js';
import { PRIORITIES, type Priority } from '../src/priority.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { patient } from './support/patience.js';
import { PROCESS_NAMES, Stack } from './support/stack.js';
import { startTestTemporal, type TestTemporal } from './support/temporal.js';
import { until } from './support/until.js';

/** Long enough to be sent in, on any machine. A pause is made longer than that below: nothing may die of being paused. */
const LIFETIME_S = 3_600;
/** Every process is started anew in here, and some machines are slow. */
const PATIENT = { timeout: patient(120_000) };

let database: TestDatabase;
let temporal: TestTemporal;
let stack: Stack;

beforeAll(async () => {
  [database, temporal] = await Promise.all([createTestDatabase(), startTestTemporal()]);
  stack = await Stack.start({
    databaseUrl: database.url,
    temporalAddress: temporal.address,
    env: { LIFETIME_LOW_S: String(LIFETIME_S), SWEEP_INTERVAL_S: '1', SWEEP_AFTER_S: '2' },
  });
});
afterAll(async () => {
  await stack?.stop();
  await temporal?.drop();
  await database?.drop();
});

async function admin(method: 'GET' | 'POST', path: string, body?: object): Promise<QueueReport[]> {
  const response = await fetch(`${stack.api}/api/admin/queues${path}`, {
    method,
    headers: { authorization: `Bearer ${stack.key}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  return ((await response.json()) as { queues: QueueReport[] }).queues;
}
const queue = async (priority: Priority) => (await admin('GET', '')).find((each) => each.priority === priority)!;

/** `temporal task-queue config …` on a send queue, as an operator types it. */
async function cli(priority: Priority, ...command: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(inject('temporalCli'), [
    ...['task-queue', 'config', ...command, '--task-queue', `send-${priority}`, '--task-queue-type', 'activity'],
    ...['--address', temporal.address, '--output', 'json'],
  ]);
  return stdout;
}
const isStopped = async (priority: Priority) => {
  const { queueRateLimit } = JSON.parse((await cli(priority, 'get')) || '{}');
  return queueRateLimit?.rateLimit !== undefined && !queueRateLimit.rateLimit.requestsPerSecond;
};
const stopped = (priority: Priority) => until(`send-${priority} is stopped`, () => isStopped(priority));

const submit = (priority: Priority, count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, n) => stack.submit({ priority, receiver: `${priority}-${n}@example.org` })),
  );
const delivered = async (ids: readonly string[]) => {
  for (const id of ids) await stack.reaches(id, ['delivered']);
};
const callsFor = async (ids: readonly string[]) =>
  (await stack.acceptance()).filter((call) => ids.includes(call.email_id)).map((call) => call.email_id);

/** Critical e-mails that are submitted now are delivered, and none of these e-mails is sent meanwhile. */
async function onlyCriticalFlows(held: readonly string[]): Promise<void> {
  await delivered(await submit('critical', 3));
  expect(await callsFor(held)).toEqual([]);
}

/** Has the pause begun, and these e-mails been accepted, so much longer ago. */
async function makeOlder(ids: readonly string[], seconds: number): Promise<void> {
  const by = sql`make_interval(secs => ${seconds})`;
  await database.db.transaction().execute(async (trx) => {
    await sql`update queue_controls set paused_at = paused_at - ${by} where priority = 'low'`.execute(trx);
    await sql`update send_stops set from_at = from_at - ${by} where priority = 'low' and until_at is null`.execute(trx);
    await sql`update emails set due_at = due_at - ${by} where id = any(${[...ids]}::uuid[])`.execute(trx);
  });
}

describe('a pause of low e-mails', PATIENT, () => {
  let held: string[] = [];

  it('holds what is accepted while critical e-mails flow', async () => {
    const queues = await admin('POST', '/low/pause', { reason: 'wrong template' });
    expect(queues.map((each) => each.paused)).toEqual([false, false, true]);
    await stopped('low');
    held = await submit('low', 10);
    await onlyCriticalFlows(held);
    expect(await queue('low')).toMatchObject({
      paused: true,
      pauses: [{ by: 'tempost', reason: 'wrong template' }],
      waiting: 10,
    });
  });

  it('outlasts a restart of every process', async () => {
    await Promise.all(PROCESS_NAMES.map((name) => stack.restart(name)));
    await stack.ready();
    await onlyCriticalFlows(held);
    expect(await queue('low')).toMatchObject({ paused: true, waiting: 10 });
  });

  it('is set again when Temporal has lost all its data', async () => {
    await temporal.kill();
    temporal.deleteDatabase();
    await temporal.start();
    await stopped('low');
    await onlyCriticalFlows(held);
  });

  it('ends with a resume: all is sent once, and nothing died of waiting longer than its lifetime', async () => {
    await makeOlder(held, 2 * LIFETIME_S);
    expect((await admin('POST', '/low/resume')).some((each) => each.paused)).toBe(false);
    await delivered(held);
    expect((await callsFor(held)).sort()).toEqual([...held].sort());
    expect(await isStopped('low')).toBe(false);
  });
});

describe('a pause of all', PATIENT, () => {
  it('holds e-mails whose workflows are on their way already', async () => {
    await stack.kill('worker-low');
    const [id] = (await submit('low', 1)) as [string];
    await until('it is dispatched', async () => (await queue('low')).in_flight === 1);
    await admin('POST', '/all/pause', { reason: 'stop everything' });
    for (const priority of PRIORITIES) await stopped(priority);

    const connection = await Connection.connect({ address: temporal.address });
    const workflow = new Client({ connection }).workflow.getHandle(`email-${id}`);
    await stack.startProcess('worker-low');
    await until('its workflow waits for the send queue', async () => {
      const { raw } = await workflow.describe();
      return raw.pendingActivities?.some((activity) => activity.activityType?.name === 'send') ?? false;
    });
    await connection.close();
    expect(await callsFor([id])).toEqual([]);
    await admin('POST', '/all/resume');
    await delivered([id]);
    expect(await callsFor([id])).toEqual([id]);
  });
});

describe('a pause made through the Temporal CLI alone', PATIENT, () => {
  let held: string[] = [];

  it('stops sending and is shown', async () => {
    await cli('low', 'set', '--queue-rps-limit', '0', '--queue-rps-limit-reason', 'maintenance');
    await until('it is shown', async () => (await queue('low')).paused);
    expect((await queue('low')).pauses).toMatchObject([{ by: 'temporal', reason: 'maintenance' }]);
    held = await submit('low', 5);
    await onlyCriticalFlows(held);
    expect(await queue('low')).toMatchObject({ waiting: 5, in_flight: 0 });
  });

  it('is not lifted by our resume', async () => {
    expect((await admin('POST', '/all/resume')).map((each) => each.paused)).toEqual([false, false, true]);
    // Once a later switch has come through, the resume has, too.
    await admin('POST', '/medium/pause', { reason: 'test' });
    await stopped('medium');
    await admin('POST', '/medium/resume');
    expect(await isStopped('low')).toBe(true);
    await onlyCriticalFlows(held);
  });

  it('ends when it is lifted through the CLI, and all is sent once', async () => {
    await cli('low', 'set', '--queue-rps-limit', 'default');
    await delivered(held);
    expect((await callsFor(held)).sort()).toEqual([...held].sort());
    expect((await queue('low')).paused).toBe(false);
  });
});

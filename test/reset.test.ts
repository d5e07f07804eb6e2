import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { commandLine } from './support/cli.js';
import { insertClient, type TestDatabase } from './support/database.js';
import { submitAs } from './support/documents/situations.js';
import { showWorkflow } from './support/history.js';
import { noBatchRuns } from './support/operators/batches.js';
import { patient } from './support/patience.js';
import type { Stack } from './support/stack.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import type { TestNamespace } from './support/temporal.js';
import { until } from './support/until.js';

let system: TestSystem;
let database: TestDatabase;
let temporal: TestNamespace;
let stack: Stack;

beforeAll(async () => {
  system = await startTestSystem({
    // The sweep is to find what operators did to workflows soon.
    env: { SWEEP_AFTER_S: '2', SWEEP_INTERVAL_S: '0.5', OPEN_WINDOW_S: '3' },
  });
  ({ database, temporal, stack } = system);
});
afterAll(() => system?.drop());

const handleOf = (id: string) => temporal.client.workflow.getHandle(`email-${id}`);
const acceptedCalls = async (id: string) => (await stack.acceptance()).filter((call) => call.email_id === id).length;
const isClosed = async (id: string) => (await handleOf(id).describe()).status.name !== 'RUNNING';

/**
 * The points to which Temporal lets an operator reset: where workflow tasks start and end. A signal that comes during a
 * task is written after its end, older than that; the task it causes is started in the same write, and Temporal refuses
 * a point in the middle of one. A task that is tried again after it has timed out or failed is one such write.
 */
async function resetPoints(id: string): Promise<number[]> {
  const { events } = await showWorkflow(temporal, `email-${id}`);
  let endedAt = '';
  let inOneWrite = false;
  let isTriedAgain = false;
  const points: number[] = [];
  for (const [index, { eventType, eventTime }] of events.entries()) {
    const at = eventTime.replace('Z', '');
    if (/WORKFLOW_TASK_(TIMED_OUT|FAILED)$/.test(eventType)) isTriedAgain = true;
    else if (eventType.endsWith('WORKFLOW_TASK_COMPLETED')) {
      if (!isTriedAgain) points.push(index + 1);
      isTriedAgain = false;
      endedAt = at;
    } else if (eventType.endsWith('WORKFLOW_TASK_STARTED')) {
      if (!inOneWrite && !isTriedAgain) points.push(index + 1);
      inOneWrite = false;
    } else if (at < endedAt) inOneWrite = true;
  }
  return points;
}

async function reset(id: string, runId: string, eventId: number): Promise<void> {
  await temporal.client.workflowService.resetWorkflowExecution({
    namespace: temporal.namespace,
    workflowExecution: { workflowId: `email-${id}`, runId },
    reason: 'test',
    workflowTaskFinishEventId: eventId as never,
    requestId: crypto.randomUUID(),
  });
}

describe('a reset never sends a second time', () => {
  it('to any point of a finished workflow', { timeout: patient(180_000) }, async () => {
    const id = await stack.submit({ priority: 'critical' });
    await stack.reaches(id, ['delivered']);
    await fetch(`${stack.webhooks}/api/email/${id}/open`);
    await until('it is finished', () => isClosed(id));
    const { runId } = await handleOf(id).describe();
    const points = await resetPoints(id);
    expect(points.length).toBeGreaterThan(3);
    for (const point of points) {
      await reset(id, runId, point);
      await until(`the run reset to ${point} is finished`, () => isClosed(id));
      expect((await handleOf(id).describe()).status.name).toBe('COMPLETED');
    }
    expect(await acceptedCalls(id)).toBe(1);
    expect((await stack.email(id)).status).toBe('opened');
  });

  it('to any point of one in the middle of its send', { timeout: patient(180_000) }, async () => {
    await stack.setFaults({ pausePoint: 'after_taking_before_answer', pauseTimes: 1 });
    const id = await stack.submit({ priority: 'critical' });
    await until('the call has come to the point', async () => (await acceptedCalls(id)) === 1);
    const { runId } = await handleOf(id).describe();
    for (const point of await resetPoints(id)) await reset(id, runId, point);
    await stack.setFaults({});
    await fetch(`${stack.sandbox}/sandbox/release`, { method: 'POST' });
    await stack.reaches(id, ['delivered']);
    await until('it is finished', () => isClosed(id));
    expect(await acceptedCalls(id)).toBe(1);
  });
});

describe('what an operator does to a workflow in Temporal is safe', () => {
  it('terminated: the e-mail is dead, until somebody retries it', async () => {
    await stack.setFaults({ mailgun: { down: true }, mandrill: { down: true } });
    const id = await stack.submit({ priority: 'low' });
    await stack.reaches(id, ['retrying']);
    await handleOf(id).terminate('test');
    const view = await stack.reaches(id, ['dead']);
    await stack.setFaults({});
    expect(view.events.map((event) => event.type)).toContain('dead');
    const letters = await database.db.selectFrom('dead_emails').select('reason').where('email_id', '=', id).execute();
    expect(letters).toEqual([{ reason: 'stopped_in_temporal' }]);
    expect(await acceptedCalls(id)).toBe(0);
  });

  it('deleted while it was sending: it is started again, and sent once', async () => {
    // A breaker opened by the test before must not hold this one up.
    await database.db.updateTable('provider_controls').set({ forced: 'closed' }).execute();
    await stack.setFaults({ pausePoint: 'after_taking_before_answer', pauseTimes: 1 });
    const id = await stack.submit({ priority: 'critical' });
    await until('the call has come to the point', async () => (await acceptedCalls(id)) === 1);
    await temporal.client.workflowService.deleteWorkflowExecution({
      namespace: temporal.namespace,
      workflowExecution: { workflowId: `email-${id}` },
    });
    await stack.setFaults({});
    await fetch(`${stack.sandbox}/sandbox/release`, { method: 'POST' });
    await stack.reaches(id, ['delivered']);
    expect(await acceptedCalls(id)).toBe(1);
  });

  it('terminated while it slept until a provider is back: the e-mail is dead, and nothing wakes it', async () => {
    await database.db.updateTable('provider_controls').set({ forced: null }).execute();
    await stack.setFaults({ mailgun: { down: true }, mandrill: { down: true } });
    const id = await stack.submit({ priority: 'low' });
    await until('it sleeps', async () => {
      const place = database.db.selectFrom('email_queue').select('state').where('email_id', '=', id);
      return (await place.executeTakeFirst())?.state === 'awaiting_provider';
    });
    await handleOf(id).terminate('test');
    await stack.reaches(id, ['dead']);
    await stack.setFaults({});
    expect(await acceptedCalls(id)).toBe(0);
  });
});

describe('what an operator does to many workflows at once in Temporal is safe', { timeout: patient(180_000) }, () => {
  const tempost = commandLine(() => ({ TEMPOST_URL: stack.api, TEMPOST_API_KEY: stack.key }));
  async function batch(verb: string, query: string, ...more: string[]): Promise<void> {
    await noBatchRuns(temporal);
    const where = ['--address', temporal.address, '--namespace', temporal.namespace];
    const words = ['workflow', verb, ...where, '--query', query, ...more, '--reason', 'a mistake', '--yes'];
    await promisify(execFile)(inject('temporalCli'), words);
  }
  const running = (clientId: string) => `ClientId='${clientId}' and ExecutionStatus='Running'`;
  const isCount = (query: string, count: number) =>
    until(`${count} are listed: ${query}`, async () => (await temporal.client.workflow.count(query)).count === count);

  /** Each of them is refused for now, and its workflow waits for the next try. */
  async function backingOff(count: number, { id, key }: { id: string; key: string }): Promise<string[]> {
    await database.db.updateTable('provider_controls').set({ forced: 'closed' }).execute();
    await stack.setFaults({ mailgun: { down: true }, mandrill: { down: true } });
    const ids = await Promise.all(Array.from({ length: count }, () => submitAs(system, key, { priority: 'critical' })));
    for (const each of ids) await stack.reaches(each, ['retrying']);
    await isCount(running(id), count);
    return ids;
  }
  async function heal(): Promise<void> {
    await stack.setFaults({});
    await database.db.updateTable('provider_controls').set({ forced: null }).execute();
  }
  async function areSentOnce(ids: readonly string[]): Promise<void> {
    for (const id of ids) await stack.reaches(id, ['delivered']);
    const calls = (await stack.acceptance()).map(({ email_id }) => email_id);
    expect(ids.map((id) => calls.filter((each) => each === id).length)).toEqual(ids.map(() => 1));
  }
  const areListed = (action: string, ids: readonly string[]) =>
    until(`the audit lists all of ${action}`, async () => {
      const rows = await database.db
        .selectFrom('audit_log')
        .select('target_id')
        .where('action', '=', action)
        .where('target_id', 'in', ids)
        .where('reason', 'is not distinct from', action === 'email.cancel' ? null : 'a mistake')
        .execute();
      return rows.length === ids.length;
    });

  it('twenty terminated and five cancelled are found and retried, five deleted go on by themselves: each is sent once', async () => {
    const clients = await Promise.all(['a', 'b', 'c'].map(() => insertClient(database.db)));
    const [terminated, cancelled, deleted] = clients as [(typeof clients)[0], (typeof clients)[0], (typeof clients)[0]];
    const ids = await Promise.all([backingOff(20, terminated), backingOff(5, cancelled), backingOff(5, deleted)]);
    await batch('terminate', running(terminated.id));
    await batch('cancel', running(cancelled.id));
    await batch('delete', running(deleted.id));
    await areListed('email.terminate', ids[0]);
    await areListed('email.cancel', ids[1]);
    for (const id of [...ids[0], ...ids[1]]) await stack.reaches(id, ['dead']);
    const found = await tempost(`dead --reason stopped_in_temporal --client ${terminated.id}`);
    expect(ids[0].filter((id) => !found.out.includes(id))).toEqual([]);
    await heal();
    for (const [client, count] of [
      [terminated, 20],
      [cancelled, 5],
    ] as const) {
      const retry = `dead retry --reason stopped_in_temporal --client ${client.id}`;
      expect((await tempost(`${retry} --dry-run`)).out).toContain(`${count} dead letters`);
      expect((await tempost(retry)).code).toBe(0);
    }
    await areSentOnce(ids.flat());
  });

  it('finished and waiting ones are reset: none is sent twice, and each reset is in the audit', async () => {
    await heal();
    const client = await insertClient(database.db);
    const finished = await Promise.all(
      Array.from({ length: 5 }, () => submitAs(system, client.key, { priority: 'critical' })),
    );
    await isCount(`ClientId='${client.id}' and ExecutionStatus='Completed'`, 5);
    await areSentOnce(finished);
    const waiting = await backingOff(5, client);
    await batch('reset', `ClientId='${client.id}'`, '--type', 'FirstWorkflowTask');
    await areListed('email.reset', [...finished, ...waiting]);
    await heal();
    await areSentOnce([...finished, ...waiting]);
    await isCount(running(client.id), 0);
    await areSentOnce([...finished, ...waiting]);
  });

  it('those of a client that failed are found in Temporal by their status', async () => {
    const client = await insertClient(database.db);
    const id = await submitAs(system, client.key, { receiver: 'reject@example.org' });
    await stack.reaches(id, ['failed']);
    await isCount(`ClientId='${client.id}' and EmailStatus='failed' and WorkflowId='email-${id}'`, 1);
  });
});

import { fileURLToPath } from 'node:url';
import { Client, type WorkflowExecutionInfo } from '@temporalio/client';
import { bundleWorkflowCode, Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { patient } from '../../test/support/patience.js';
import { scriptWorkflows, start, startFleet } from '../../test/support/servers/scripted-workflows.js';
import { createTestNamespace, type TestNamespace } from '../../test/support/temporal.js';
import { until } from '../../test/support/until.js';
import { listActs } from '../domain/audit/listed.js';
import type { Priority } from '../priority.js';
import { emailIdOf, workflowIdOf } from '../temporal/names.js';
import { startWorkflow } from './start.js';
import { createOperatorWatch } from './watch-operators.js';

const BUNDLE = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));
const WORKFLOWS = fileURLToPath(new URL('../../dist/src/workflows/index.js', import.meta.url));

let database: TestDatabase;
let temporal: TestNamespace;
beforeAll(async () => {
  [database, temporal] = await Promise.all([createTestDatabase(), createTestNamespace()]);
});
afterAll(async () => {
  await temporal?.drop();
  await database?.drop();
});

const watchBy = (client: Client) => createOperatorWatch({ db: database.db, client, logger: pino({ level: 'silent' }) });
/** The same Temporal, but that what it lists is changed. */
function listing(
  client: Client,
  change: (runs: WorkflowExecutionInfo[], query: string) => WorkflowExecutionInfo[],
): Client {
  async function* list(options: { readonly query: string }) {
    const runs: WorkflowExecutionInfo[] = [];
    for await (const run of client.workflow.list(options)) runs.push(run);
    yield* change(runs, options.query);
  }
  return Object.create(client, { workflow: { value: Object.create(client.workflow, { list: { value: list } }) } });
}
const actsOf = async (emailId: string) =>
  (await listActs(database.db, {}, { limit: 100 })).filter(({ target_id }) => target_id === emailId);

it('workflows terminated in Temporal are listed once, with the reason, whoever looks; others are not, nor what gives way to a next generation', async () => {
  const [ended, running] = [crypto.randomUUID(), crypto.randomUUID()];
  for (const emailId of [ended, running]) {
    await startWorkflow(temporal.client, 'medium', { emailId, clientId: 'c', generation: 1 });
  }
  await startWorkflow(temporal.client, 'medium', { emailId: running, clientId: 'c', generation: 2 });
  const gaveWay = async () => {
    for await (const run of temporal.client.workflow.list({ query: "ExecutionStatus = 'Terminated'" })) {
      if (run.workflowId === workflowIdOf(running)) return true;
    }
    return false;
  };
  await until('the former generation is listed as ended', gaveWay);
  await temporal.client.workflow.getHandle(workflowIdOf(ended)).terminate('a wrong template');
  const first = watchBy(temporal.client);
  await until('it is listed', async () => {
    await first();
    return (await actsOf(ended)).length === 1;
  });
  await first();
  await watchBy(temporal.client)();
  expect(await actsOf(ended)).toMatchObject([
    {
      source: 'temporal',
      client_name: null,
      action: 'email.terminate',
      target_kind: 'email',
      target_id: ended,
      reason: 'a wrong template',
    },
  ]);
  expect(await actsOf(running)).toEqual([]);
});

describe('of workflows that workers run', { timeout: patient(60_000) }, () => {
  scriptWorkflows();

  /** A workflow, and what the watch lists of it. */
  async function watched(priority?: Priority, script: Parameters<typeof start>[0] = {}) {
    const { handle, signal } = await start(script, undefined, priority);
    const client = new Client({ connection: temporal.client.connection, namespace: handle.client.options.namespace });
    const watch = watchBy(client);
    const { workflowId } = handle;
    const listed = async () => {
      await watch();
      return (await actsOf(emailIdOf(workflowId)!)).map(({ action, reason, after }) => ({ action, reason, after }));
    };
    /** @returns what the audit says of the reset. */
    const reset = async (runId: string, workflowTaskFinishEventId: number, reason: string) => {
      const { runId: begun } = await client.workflowService.resetWorkflowExecution({
        namespace: client.options.namespace,
        workflowExecution: { workflowId, runId },
        reason,
        workflowTaskFinishEventId: workflowTaskFinishEventId as never,
        requestId: crypto.randomUUID(),
      });
      return { action: 'email.reset', reason, after: { run_id: begun } };
    };
    /** After each look of a watch, old or new, the same. */
    const isListed = async (acts: readonly object[]) => {
      await until('all is listed', async () => (await listed()).length >= acts.length);
      await watchBy(client)();
      expect((await listed()).toSorted(byReason)).toEqual(acts.toSorted(byReason));
    };
    /** Sends it to its end. @returns the run, and the task to which it can be reset. */
    const completed = async () => {
      await signal('delivered');
      await signal('opened');
      await handle.result();
      const { runId } = await handle.describe();
      const { events } = await handle.fetchHistory();
      const task = events?.find((event) => event.workflowTaskCompletedEventAttributes);
      return [runId, Number(task!.eventId)] as const;
    };
    return { client, handle, signal, completed, reset, isListed };
  }
  const byReason = (a: { reason?: string | null }, b: { reason?: string | null }) =>
    (a.reason ?? '').localeCompare(b.reason ?? '');

  it('those that were reset after they had completed are listed, to whichever point, each reset once', async () => {
    const { client, handle, signal, reset, isListed } = await watched();
    await signal('delivered');
    await signal('opened');
    await handle.result();
    const { runId } = await handle.describe();
    const { history } = await client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution: { workflowId: handle.workflowId, runId },
    });
    const tasks = (history?.events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes);
    const points = [tasks.at(0), tasks.at(-1)].map((event) => Number(event!.eventId));
    const resets: object[] = [];
    for (const point of points) {
      resets.push(await reset(runId, point, `to ${point}`));
      await until('it has ended', async () => (await handle.describe()).status.name === 'COMPLETED');
    }
    await isListed(resets);
    const { workflowId } = handle;
    const last = await client.workflow.getHandle(workflowId).fetchHistory();
    await Worker.runReplayHistory({ workflowBundle: { codePath: BUNDLE } }, last, workflowId);
    // The release before knows no mark, and goes on with the run when one rolls back.
    const { code } = await bundleWorkflowCode({ workflowsPath: WORKFLOWS });
    await Worker.runReplayHistory({ workflowBundle: { code } }, last, workflowId);
  });

  it('one that was reset while its fleet was down is listed once the fleet is back, though a later one has been seen', async () => {
    const stop = await startFleet('medium');
    const [late, later] = await Promise.all([watched('medium'), watched()]);
    const whole = await late.completed();
    await stop();
    const act = await late.reset(...whole, 'its fleet is down');
    await later.reset(...(await later.completed()), 'its fleet runs');
    const idOf = ({ handle }: typeof late) => emailIdOf(handle.workflowId)!;
    const ofLater = ({ workflowId }: WorkflowExecutionInfo) => workflowId === later.handle.workflowId;
    // As if it had been reset ten minutes after the other one.
    const tenMinutesLater = (run: WorkflowExecutionInfo) =>
      ofLater(run) ? { ...run, startTime: new Date(run.startTime.getTime() + 600_000) } : run;
    const watch = watchBy(listing(late.client, (runs) => runs.map(tenMinutesLater)));
    const lists = (id: string) => async () => {
      await watch();
      return (await actsOf(id)).length > 0;
    };
    await until('the later one is listed', lists(idOf(later)));
    expect(await actsOf(idOf(late))).toEqual([]);
    const stopAgain = await startFleet('medium');
    try {
      await until('the late one is listed', lists(idOf(late)));
    } finally {
      await stopAgain();
    }
    expect(await actsOf(idOf(late))).toMatchObject([act]);
  });

  it('resets that are listed are not read again by the next dispatcher', async () => {
    const { client, handle, completed, reset, isListed } = await watched();
    await isListed([await reset(...(await completed()), 'once')]);
    const read: string[] = [];
    const ofIt = listing(client, (runs) => runs.filter(({ workflowId }) => workflowId === handle.workflowId));
    const service = Object.create(client.workflowService, {
      getWorkflowExecutionHistory: {
        value: (request: { execution: { workflowId: string } }) => {
          read.push(request.execution.workflowId);
          return client.workflowService.getWorkflowExecutionHistory(request);
        },
      },
    });
    await watchBy(Object.create(ofIt, { workflowService: { value: service } }))();
    expect(read).toEqual([]);
  });

  it('one that was deleted since it was listed hides no other', async () => {
    const { client, handle } = await watched();
    await handle.terminate('beside a deleted one');
    const gone = (run: WorkflowExecutionInfo) => ({ ...run, runId: crypto.randomUUID(), closeTime: new Date(0) });
    const watch = watchBy(
      listing(client, (runs, query) => {
        const own = runs.filter(({ workflowId }) => workflowId === handle.workflowId);
        return query.includes('Terminated') ? [...own.map(gone), ...own] : own;
      }),
    );
    await until('it is listed', async () => {
      await watch();
      return (await actsOf(emailIdOf(handle.workflowId)!)).length === 1;
    });
  });

  it('one that was reset while it ran is listed once, though two runs tell of it', async () => {
    const { handle, signal, reset, isListed } = await watched();
    const { runId } = await handle.describe();
    await until('its first task is done', async () => Number((await handle.describe()).historyLength) > 5);
    const act = await reset(runId, 4, 'stuck');
    await signal('delivered');
    await signal('opened');
    await until('it has ended', async () => (await handle.describe()).status.name === 'COMPLETED');
    await isListed([act]);
  });

  it('one that was cancelled is listed', async () => {
    const { handle, isListed } = await watched();
    const { runId } = await handle.describe();
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    await isListed([{ action: 'email.cancel', reason: null, after: { run_id: runId } }]);
  });

  it('one that was paused is listed, and one of which a step was, with the reason, each pause once', async () => {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { client, handle, isListed } = await watched(undefined, { onSend: () => answered });
    const { workflowId } = handle;
    const { namespace } = client.options;
    const { runId } = await handle.describe();
    const act = (reason: string) => ({ action: 'email.pause', reason, after: { run_id: runId } });
    const step = { namespace, execution: { workflowId }, type: 'send' };
    const isMarked = async () => {
      const query = `WorkflowId = '${workflowId}' AND TemporalPauseInfo IS NOT NULL`;
      for await (const _ of client.workflow.list({ query })) return true;
      return false;
    };
    const isSent = async () => ((await handle.describe()).raw.pendingActivities ?? []).length > 0;
    await until('it is being sent', isSent);
    await client.workflowService.pauseActivity({ ...step, reason: '1: a wrong template' });
    await isListed([act('1: a wrong template')]);
    await client.workflowService.unpauseActivity(step);
    await until('it goes on', async () => !(await isMarked()));
    await isListed([act('1: a wrong template')]);
    const whole = { namespace, workflowId, runId, identity: 'somebody', requestId: crypto.randomUUID() };
    await client.workflowService.pauseWorkflowExecution({ ...whole, reason: '2: once more' });
    await isListed([act('1: a wrong template'), act('2: once more')]);
    answer();
    await client.workflowService.unpauseWorkflowExecution({ ...whole, reason: 'mended' });
  });

  it('a server that knows no such status and no such mark hides nothing else', async () => {
    const { client, handle } = await watched();
    async function* refusing(options: { readonly query: string }) {
      const query = options.query.replace('TemporalPauseInfo', 'NoSuchAttribute').replace("'Paused'", "'NoSuchStatus'");
      yield* client.workflow.list({ ...options, query });
    }
    const older = Object.create(client, {
      workflow: { value: Object.create(client.workflow, { list: { value: refusing } }) },
    });
    await handle.terminate('a wrong template');
    const watch = watchBy(older);
    await until('it is listed', async () => {
      await watch();
      return (await actsOf(emailIdOf(handle.workflowId)!)).length === 1;
    });
  });

  it('one that nobody touched is not', async () => {
    const { handle, signal, isListed } = await watched();
    await signal('delivered');
    await signal('opened');
    await handle.result();
    await isListed([]);
  });
});

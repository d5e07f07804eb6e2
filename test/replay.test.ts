import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { Worker } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { insertClient } from './support/database.js';
import { showWorkflow } from './support/history.js';
import { insertDeadEmails, jobsBy } from './support/operators/jobs.js';
import { patient } from './support/patience.js';
import { progress, scriptJobs } from './support/servers/scripted-jobs.js';
import { refused, scriptedNamespace, scriptWorkflows, start } from './support/servers/scripted-workflows.js';
import { startTestSystem } from './support/system.js';
import { until } from './support/until.js';

/**
 * Histories of earlier releases, as `temporal workflow show --output json` printed them. Workflows that are under way
 * when a release is rolled out go on with its code: it must take the same turns. Each release adds its own with
 * `RECORD_HISTORIES=1 npx vitest run test/replay.test.ts`; nothing is ever replaced. `former-end` is
 * of the code of before plans had `endsAsRecorded`. Those of operators' jobs are called `job-…`.
 */
const FOLDER = fileURLToPath(new URL('histories', import.meta.url));
const BUNDLE = fileURLToPath(new URL('../dist/workflow-bundle.js', import.meta.url));

const names = await readdir(FOLDER).catch(() => [] as string[]);

describe('this release replays', () => {
  it.each(names)('%s', async (name) => {
    await replay(await readHistory(name));
  });

  it('the histories of at least one release, of every kind', () => {
    const kinds = new Set(names.map((name) => name.replace(/^[\d.]+-|\.json$/g, '')));
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        ...['delivered', 'failed-over', 'rejected', 'ambiguous', 'backed-off'],
        ...['ends-as-recorded', 'reads-its-end-again', 'heard-during-upload', 'awaiting-provider', 'former-end'],
        ...['job-done', 'job-stopped', 'job-resumed', 'job-slice-again'],
        ...['job-cancelled', 'job-reset', 'job-continues-as-new', 'job-continued'],
      ]),
    );
  });

  it('histories that name no machine', async () => {
    const texts = await Promise.all(names.map((name) => readFile(`${FOLDER}/${name}`, 'utf8')));
    expect(texts.flatMap((text) => text.match(/\d+@[^"]*|file:[^"]*/g) ?? [])).toEqual([]);
  });

  it.each(names)('%s, and would not if it took other turns', async (name) => {
    const history = await readHistory(name);
    const scheduled = history.events.findLast((event) => event.activityTaskScheduledEventAttributes);
    scheduled!.activityTaskScheduledEventAttributes!.activityType.name = 'anotherStep';
    await expect(replay(history)).rejects.toThrow(/nondeterminism/i);
  });

  it.each(names.filter((name) => name.includes('-job-continues-as-new')))('%s, to its last slice', async (name) => {
    const { events } = await readHistory(name);
    expect(events.filter((event) => event.activityTaskScheduledEventAttributes)).toHaveLength(150);
    expect(events.at(-1)).toMatchObject({ eventType: 'EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW' });
  });
});

interface History {
  readonly events: {
    readonly eventType: string;
    readonly activityTaskScheduledEventAttributes?: { readonly activityType: { name: string } };
  }[];
}

const readHistory = async (name: string) => JSON.parse(await readFile(`${FOLDER}/${name}`, 'utf8')) as History;
const replay = (history: History) =>
  Worker.runReplayHistory({ workflowBundle: { codePath: BUNDLE } }, history, 'workflow-replayed');

async function keep(temporal: Parameters<typeof showWorkflow>[0], workflowId: string, kind: string, runId?: string) {
  const { json } = await showWorkflow(temporal, workflowId, runId);
  await mkdir(FOLDER, { recursive: true });
  // Names and paths of machines have no place in the project.
  const anonymous = json
    .replaceAll(/("identity": )"[^"]*"/g, '$1"worker"')
    .replaceAll(/"\d+@[^"]*"/g, '"worker"')
    .replaceAll(/("stackTrace": )"(?:[^"\\]|\\.)*"/g, '$1""');
  const { events } = JSON.parse(anonymous) as History;
  const lines = events.map((event) => JSON.stringify(event)).join(',\n');
  const file = `${FOLDER}/${packageJson.version}-${kind}.json`;
  await writeFile(file, `{"events":[\n${lines}\n]}\n`, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

describe.runIf(process.env.RECORD_HISTORIES)('recording', () => {
  it('keeps a history of each kind for this release', { timeout: patient(120_000) }, async () => {
    const system = await startTestSystem();
    const { database, temporal, stack } = system;
    try {
      const record = async (kind: string, faults: object, submission: object) => {
        await stack.setFaults(faults);
        const id = await stack.submit(submission);
        if (kind === 'backed-off') {
          await stack.reaches(id, ['retrying']);
          await stack.setFaults({});
        }
        await stack.reaches(id, kind === 'rejected' ? ['failed'] : ['delivered']);
        await fetch(`${stack.webhooks}/api/email/${id}/open`);
        const handle = temporal.client.workflow.getHandle(`email-${id}`);
        await until('it is completed', async () => (await handle.describe()).status.name === 'COMPLETED');
        await keep(temporal, `email-${id}`, kind);
        await database.db.updateTable('provider_controls').set({ forced: 'closed' }).execute();
      };
      const attachment = { filename: 'a.txt', bytes: Buffer.from('text') };
      await record('delivered', {}, { attachment });
      await record('failed-over', { mailgun: { down: true } }, {});
      await record('rejected', {}, { receiver: 'reject@example.org' });
      await record('ambiguous', { mailgun: { errorAfterTaking: true } }, { priority: 'critical' });
      await record('backed-off', { mailgun: { down: true }, mandrill: { down: true } }, {});
    } finally {
      await system.drop();
    }
  });

  it('keeps jobs of several slices: one that is done, and one that is stopped and resumed', {
    timeout: patient(180_000),
  }, async () => {
    const { database, temporal, stack, drop } = await startTestSystem();
    try {
      const begin = async (count: number) => {
        const { id: client } = await insertClient(database.db);
        await insertDeadEmails(database.db, { clientId: client, count });
        const { id } = await jobsBy(stack).begin({ kind: 'retry', filter: { client }, rate_per_s: 5 });
        return id;
      };
      const { workflow } = temporal.client;
      const endOf = async (id: string) => {
        await until('it has begun', async () => (await workflow.getHandle(`job-${id}`).describe()).historyLength > 0);
        return workflow.getHandle(`job-${id}`).result();
      };
      const [whole, parted] = await Promise.all([begin(60), begin(90)]);
      await until('some are done', async () => ((await jobsBy(stack).read(parted))?.counts.done ?? 0) > 40, 60_000);
      await jobsBy(stack).stop(parted);
      expect(await endOf(parted)).toBe('stopped');
      await keep(temporal, `job-${parted}`, 'job-stopped');
      const { runId } = await workflow.getHandle(`job-${parted}`).describe();
      await jobsBy(stack).resume(parted);
      const again = async () => (await workflow.getHandle(`job-${parted}`).describe()).runId !== runId;
      await until('it goes on in another run', again);
      expect([await endOf(parted), await endOf(whole)]).toEqual(['done', 'done']);
      await keep(temporal, `job-${parted}`, 'job-resumed');
      await keep(temporal, `job-${whole}`, 'job-done');
    } finally {
      await drop();
    }
  });
});

describe.runIf(process.env.RECORD_HISTORIES)('recording what slices by a script make of a job', () => {
  scriptWorkflows();
  const startJob = scriptJobs(scriptedNamespace);

  it('keeps one of which a slice failed and was done again', async () => {
    const handle = await startJob(async (before) => {
      if (before === 1) throw new Error('the database is away');
      return before < 3 ? progress('running', 20) : progress('done');
    });
    expect(await handle.result()).toBe('done');
    await keep(scriptedNamespace(), handle.workflowId, 'job-slice-again');
  });

  it('keeps one that is cancelled in Temporal during a slice', async () => {
    const handle = await startJob(async (before) => {
      if (before === 0) return progress('planning');
      const beating = setInterval(() => Context.current().heartbeat(), 100);
      return Context.current().cancelled.finally(() => clearInterval(beating));
    });
    const events = async () => (await handle.fetchHistory()).events ?? [];
    await until(
      'it is in its second slice',
      async () =>
        (await handle.describe()).raw.pendingActivities?.length === 1 &&
        (await events()).filter((event) => event.activityTaskScheduledEventAttributes).length === 2,
    );
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow('cancelled');
    await keep(scriptedNamespace(), handle.workflowId, 'job-cancelled');
  });

  it('keeps one that is reset while it runs', async () => {
    let stop = () => {};
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    const handle = await startJob(async (before) => {
      if (before === 2) await stopped;
      return before < 4 ? progress('running', 20) : progress('done');
    });
    const lengthOf = async () => (await handle.describe()).historyLength;
    await until('it is in its third slice', async () => (await lengthOf()) >= 17);
    const { namespace, client } = scriptedNamespace();
    await client.workflowService.resetWorkflowExecution({
      namespace,
      workflowExecution: { workflowId: handle.workflowId },
      reason: 'test',
      requestId: handle.workflowId,
      workflowTaskFinishEventId: 10 as never,
    });
    stop();
    expect(await client.workflow.getHandle(handle.workflowId).result()).toBe('done');
    await keep(scriptedNamespace(), handle.workflowId, 'job-reset');
  });

  it('keeps one that goes on in another run after 150 slices, and that run', { timeout: patient(60_000) }, async () => {
    const handle = await startJob(async (before) => (before < 152 ? progress('running', 2) : progress('done')));
    expect(await handle.result()).toBe('done');
    await keep(scriptedNamespace(), handle.workflowId, 'job-continues-as-new', handle.firstExecutionRunId);
    await keep(scriptedNamespace(), handle.workflowId, 'job-continued');
  });
});

describe.runIf(process.env.RECORD_HISTORIES)('recording what a record and providers by a script make of it', () => {
  scriptWorkflows();

  it('keeps one that ends as the record says', async () => {
    const { handle, signal } = await start({ sends: [refused()], recordedEnd: { status: 'clicked', trouble: false } });
    await signal('delivered');
    await signal('opened', true);
    expect(await handle.result()).toBe('clicked');
    await keep(scriptedNamespace(), handle.workflowId, 'ends-as-recorded');
  });

  it('keeps one that cannot read its end, and waits to read it again', async () => {
    const onReadEnd = () => Promise.reject(new Error('the record cannot be read'));
    const { handle, signal } = await start({ onReadEnd });
    await signal('failed');
    const waits = async () => ((await handle.fetchHistory()).events ?? []).some(isTimerOf(5 * 60));
    await until('it waits to read its end again', waits);
    await keep(scriptedNamespace(), handle.workflowId, 'reads-its-end-again');
    await handle.terminate();
  });

  it('keeps one that hears of a bounce during its last upload', async () => {
    let uploaded = () => {};
    const done = new Promise<void>((resolve) => {
      uploaded = resolve;
    });
    const plan = { uploadPending: true, hasAttachment: true, openWindowMs: 1 };
    const recordedEnd = { status: 'bounced', trouble: true };
    const { handle, signal } = await start({ plan, onUpload: () => done, recordedEnd });
    await signal('delivered');
    await expect.poll(() => handle.query('status')).toBe('finishing upload');
    await signal('failed');
    uploaded();
    expect(await handle.result()).toBe('bounced');
    await keep(scriptedNamespace(), handle.workflowId, 'heard-during-upload');
  });

  it('keeps one that waits until a provider admits it', async () => {
    const laterPlan = { admitting: ['mailgun', 'mandrill'] as const };
    const { handle, signal, calls } = await start({ plan: { admitting: [] }, laterPlan });
    await until('it waits', async () => calls.includes('await'));
    await signal('turn');
    await until('it is sent', async () => calls.some((call) => call.startsWith('send')));
    await signal('delivered');
    await signal('opened');
    expect(await handle.result()).toBe('opened');
    await keep(scriptedNamespace(), handle.workflowId, 'awaiting-provider');
  });
});

const isTimerOf =
  (seconds: number) =>
  ({ timerStartedEventAttributes: timer }: { timerStartedEventAttributes?: { startToFireTimeout?: unknown } | null }) =>
    Number((timer?.startToFireTimeout as { seconds?: unknown } | undefined)?.seconds) === seconds;

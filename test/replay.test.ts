import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { showWorkflow } from './support/history.js';
import { patient } from './support/patience.js';
import { refused, scriptedNamespace, scriptWorkflows, start } from './support/servers/scripted-workflows.js';
import { startTestSystem } from './support/system.js';
import { until } from './support/until.js';

/**
 * Histories of earlier releases, as `temporal workflow show --output json` printed them. Workflows that are under way
 * when a release is rolled out go on with its code: it must take the same turns. Each release adds its own with
 * `RECORD_HISTORIES=1 npx vitest run test/replay.test.ts`; nothing is ever replaced. `former-end` is
 * of the code of before plans had `endsAsRecorded`.
 * None is of a job.
 */
const FOLDER = fileURLToPath(new URL('histories', import.meta.url));
const BUNDLE = fileURLToPath(new URL('../dist/workflow-bundle.js', import.meta.url));

const names = await readdir(FOLDER).catch(() => [] as string[]);

describe('this release replays', () => {
  it.each(names)('%s', async (name) => {
    const history: unknown = JSON.parse(await readFile(`${FOLDER}/${name}`, 'utf8'));
    await Worker.runReplayHistory({ workflowBundle: { codePath: BUNDLE } }, history, 'email-replayed');
  });

  it('the histories of at least one release, of every kind', () => {
    const kinds = new Set(names.map((name) => name.replace(/^[\d.]+-|\.json$/g, '')));
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        ...['delivered', 'failed-over', 'rejected', 'ambiguous', 'backed-off'],
        ...['ends-as-recorded', 'reads-its-end-again', 'heard-during-upload', 'awaiting-provider', 'former-end'],
      ]),
    );
  });
});

async function keep(temporal: Parameters<typeof showWorkflow>[0], workflowId: string, kind: string) {
  const { json } = await showWorkflow(temporal, workflowId);
  await mkdir(FOLDER, { recursive: true });
  // Names and paths of machines have no place in the project.
  const anonymous = json
    .replaceAll(/("identity": )"[^"]*"/g, '$1"worker"')
    .replaceAll(/("stackTrace": )"(?:[^"\\]|\\.)*"/g, '$1""');
  const file = `${FOLDER}/${packageJson.version}-${kind}.json`;
  await writeFile(file, anonymous, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
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

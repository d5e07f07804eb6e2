import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { showWorkflow } from './support/history.js';
import { patient } from './support/patience.js';
import { startTestSystem } from './support/system.js';
import { until } from './support/until.js';

/**
 * Histories of earlier releases, as `temporal workflow show --output json` printed them. Workflows that are under way
 * when a release is rolled out go on with its code: it must take the same turns. Each release adds its own with
 * `RECORD_HISTORIES=1 npx vitest run test/replay.test.ts`; nothing is ever replaced.
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
      expect.arrayContaining(['delivered', 'failed-over', 'rejected', 'ambiguous', 'backed-off']),
    );
  });
});

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
        const { json } = await showWorkflow(temporal, `email-${id}`);
        await mkdir(FOLDER, { recursive: true });
        // Names of machines have no place in the project.
        const anonymous = json.replaceAll(/("identity": )"[^"]*"/g, '$1"worker"');
        await writeFile(`${FOLDER}/${packageJson.version}-${kind}.json`, anonymous);
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

import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../src/cli/run.js';
import { CONTROLS_CHANNEL } from '../src/postgres/channels.js';
import { insertClient } from './support/database.js';
import { jobsBy } from './support/operators/jobs.js';
import { patient } from './support/patience.js';
import type { ProcessName } from './support/stack.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import { until } from './support/until.js';

const WORKERS = ['worker-critical', 'worker-medium', 'worker-low'] as const;
const newer = <Name extends ProcessName>(name: Name) => `newer-${name}` as const;
const OLDER_BUILD = { WORKER_BUILD_ID: '1.0.0' };
const NEWER_BUILD = { WORKER_BUILD_ID: '2.0.0' };

let system: TestSystem;
beforeAll(async () => {
  const envOf = Object.fromEntries(
    WORKERS.flatMap((name) => [
      [name, OLDER_BUILD],
      [newer(name), NEWER_BUILD],
    ]),
  );
  system = await startTestSystem({ envOf });
}, patient(120_000));
afterAll(() => system?.drop());

/** What an operator's command says. */
async function tempost(...words: string[]): Promise<string> {
  const said: string[] = [];
  const say = (text: string) => void said.push(text);
  const env = { TEMPOST_URL: system.stack.api, TEMPOST_API_KEY: system.stack.key };
  const code = await runCli(words, env, { out: say, error: say });
  if (code !== 0) throw new Error(`tempost ${words.join(' ')} ended with ${code}: ${said.join('\n')}`);
  return said.join('\n');
}
const deploy = (...words: string[]) => tempost('deploy', ...words, '--reason', 'test');

/** Waits until `tempost deploy status` says it. Any change of an operator's has the dispatcher look at once. */
async function statusSays(what: RegExp): Promise<void> {
  let status = '';
  await until(
    () => `the status says ${what}: ${status}`,
    async () => {
      await sql`select pg_notify(${CONTROLS_CHANNEL}, '')`.execute(system.database.db);
      status = await tempost('deploy', 'status');
      return what.test(status);
    },
  );
}

const workflowOf = (id: string) => system.temporal.client.workflow.getHandle(`email-${id}`);
async function buildOf(workflowId: string) {
  const { raw } = await system.temporal.client.workflow.getHandle(workflowId).describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
}

/** Which workers' processes have called a provider for an e-mail, as their logs say; a line may come a moment later. */
async function sendersOf(id: string): Promise<string[]> {
  const isCall = (line: string) => line.includes(id) && line.includes('"msg":"attempt"');
  const senders = () =>
    (['worker-critical', newer('worker-critical')] as const).filter((name) =>
      system.stack.logOf(name).split('\n').some(isCall),
    );
  await until('a log tells of the call', () => senders().length > 0);
  return senders();
}

/** Accepts a critical e-mail, and waits until it has been handed over. */
async function send(): Promise<string> {
  const id = await system.stack.submit({ priority: 'critical' });
  await system.stack.isDelivered(id);
  return id;
}
async function open(id: string): Promise<string> {
  await fetch(`${system.stack.webhooks}/api/email/${id}/open`);
  return workflowOf(id).result();
}

describe('processes of builds', { timeout: patient(90_000) }, () => {
  let first: string;
  let second: string;

  it('begin nothing until their build is promoted: what is accepted waits, says why, and then is sent', async () => {
    const id = await system.stack.submit({ priority: 'critical' });
    await statusSays(/START WORKERS of critical, medium, low/);
    await until('it says what it waits for', async () => (await tempost('email', id)).includes('without a build'));
    await statusSays(/^1\.0\.0 +0 % +0 +1\/1\/1 /m);
    expect(await deploy('promote', '1.0.0')).toContain('are to begin on 1.0.0');
    await system.stack.isDelivered(id);
    expect(await buildOf(`email-${id}`)).toBe('1.0.0');
    await statusSays(/^1\.0\.0 +100 % +1 .* needed$/m);
    expect(await tempost('status')).toContain(', build 1.0.0');
    expect(await open(id)).toBe('opened');
  });

  it('of a newer build begin nothing beside the current one, then their share, then everything', async () => {
    const { stack } = system;
    await Promise.all(WORKERS.map((name) => stack.startProcess(name, newer(name))));
    await statusSays(/^2\.0\.0 +0 % +0 +1\/1\/1 .* may be ended$/m);
    first = await send();
    expect([await buildOf(`email-${first}`), await sendersOf(first)]).toEqual(['1.0.0', ['worker-critical']]);

    await deploy('ramp', '2.0.0', '25');
    await statusSays(/^1\.0\.0 +75 % .*\n2\.0\.0 +25 % /m);
    await deploy('promote', '2.0.0');
    await statusSays(/^1\.0\.0 +0 % +1 .* needed\n2\.0\.0 +100 % /m);
    second = await send();
    expect([await buildOf(`email-${second}`), await sendersOf(second)]).toEqual(['2.0.0', ['newer-worker-critical']]);
  });

  it('keep what began on them: the older build hears of its own e-mail after another was promoted', async () => {
    expect(await open(first)).toBe('opened');
    expect(await buildOf(`email-${first}`)).toBe('1.0.0');
    await statusSays(/^1\.0\.0 +0 % +0 .* may be ended$/m);
  });

  it('of the current build go on with operators’ jobs', async () => {
    const { id: client } = await insertClient(system.database.db);
    const { id } = await jobsBy(system.stack).begin({ kind: 'discard', filter: { client } });
    await until('it is done', async () => (await jobsBy(system.stack).read(id))?.state === 'done');
    await system.temporal.client.workflow.getHandle(`job-${id}`).result();
    expect(await buildOf(`job-${id}`)).toBe('2.0.0');
  });

  it('are gone back to: what begins is the older build’s again, and the newer one ends what is its own', async () => {
    expect(await deploy('rollback')).toContain('are to begin on 1.0.0');
    await statusSays(/^1\.0\.0 +100 % +0 .*\n2\.0\.0 +0 % +1 .* needed$/m);
    const third = await send();
    expect([await buildOf(`email-${third}`), await sendersOf(third)]).toEqual(['1.0.0', ['worker-critical']]);
    expect(await open(second)).toBe('opened');
    expect(await buildOf(`email-${second}`)).toBe('2.0.0');
  });

  it('may be ended when nothing begins or stays there, and everything was sent once', async () => {
    const { stack, database } = system;
    await statusSays(/^2\.0\.0 +0 % +0 +1\/1\/1 +0 +may be ended$/m);
    await Promise.all(WORKERS.map((name) => stack.end(newer(name), 'SIGTERM')));
    await statusSays(/^2\.0\.0 +0 % +0 +0\/0\/0 +0 +over$/m);
    const last = await send();
    expect(await sendersOf(last)).toEqual(['worker-critical']);
    const emails = await database.db.selectFrom('emails').select('id').execute();
    const calls = (await stack.acceptance()).map((call) => call.email_id);
    expect(calls.toSorted()).toEqual(emails.map(({ id }) => id).toSorted());
  });
});

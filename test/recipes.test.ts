import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { runCli } from '../src/cli/run.js';
import { insertClient } from './support/database.js';
import { blocksIn, GUIDES, QUESTIONS, type Recipe, recipesIn } from './support/documents/recipes.js';
import { filled, prepare, submitAs, type Values } from './support/documents/situations.js';
import { patient } from './support/patience.js';
import { stackEnvironment } from './support/stack-environment.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import { until } from './support/until.js';

const run = promisify(execFile);
const all = new Map(
  [...recipesIn(GUIDES), ...QUESTIONS.flatMap(({ recipes }) => recipes)].map((recipe) => [recipe.line, recipe]),
);
const isOfRecovery = ({ program, words }: Recipe) => program === 'tempost' && words[0] === 'recover';
const recoverySteps = [...all.values()]
  .filter(isOfRecovery)
  .sort((one, other) => Number(other.words[1] === 'begin') - Number(one.words[1] === 'begin'));
const recipes = new Map([...all].filter(([, recipe]) => !isOfRecovery(recipe)));

let system: TestSystem;
/** An e-mail whose workflow runs and waits to be opened. */
let running: Values;

beforeAll(async () => {
  // The sweep is to find what operators did to workflows soon.
  system = await startTestSystem({ env: { SWEEP_AFTER_S: '2', SWEEP_INTERVAL_S: '0.5' } });
  const { id, key } = await insertClient(system.database.db);
  running = { ID: await submitAs(system, key), 'CLIENT-ID': id };
  await system.stack.isDelivered(running.ID!);
  // Visibility, which lists ask, is written a moment later.
  await until('it is listed', async () => (await countOf(`WorkflowId = 'email-${running.ID}'`)) === 1);
}, patient(120_000));
afterAll(() => system?.drop());

const countOf = async (query: string) => (await system.temporal.client.workflow.count(query)).count;

async function tempost(words: readonly string[]): Promise<string> {
  const said: string[] = [];
  const { stack, temporal, database } = system;
  const servers = { databaseUrl: database.url, temporalAddress: temporal.address, namespace: temporal.namespace };
  const env = { ...stackEnvironment(stack, servers), TEMPOST_URL: stack.api, TEMPOST_API_KEY: stack.key };
  const say = (text: string) => void said.push(text);
  const code = await runCli(words, env, { out: say, error: say });
  if (code !== 0) throw new Error(`exit ${code}: ${said.join('\n')}`);
  return said.join('\n');
}

/** Whoever is asked something finds that the input has ended, and a command that waits for more is ended. */
async function execute(program: string, words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const child = run(program, words, { timeout: patient(10_000), env: { ...process.env, ...env } });
  child.child.stdin?.end();
  return (await child).stdout;
}

async function temporal(words: readonly string[]): Promise<string> {
  const { address, namespace } = system.temporal;
  const own = words.map((word, index) =>
    words[index - 1] === '--address' ? address : words[index - 1] === '--namespace' ? namespace : word,
  );
  const named = own.includes('--namespace') ? own : [...own, '--namespace', namespace];
  return execute(inject('temporalCli'), named);
}

/** With the ports of this system in the place of those of `npm start`. */
function curl(line: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { api, sandbox } = system.stack;
  const command = line.replaceAll('http://127.0.0.1:3000', api).replaceAll('http://127.0.0.1:3002', sandbox);
  return execute('bash', ['-c', command.replace(/^curl /, 'curl --fail-with-body ')], env);
}

async function copy({ line, program, words }: Recipe): Promise<string> {
  const values = await prepare(system, words.join(' '), running);
  const told = words.map((word) => filled(word.replace('$ID', 'ID').replace('$name', 'ClientId'), values));
  if (program === 'tempost') return tempost(told);
  return program === 'temporal' ? temporal(told) : curl(line, { KEY: system.stack.key, ID: running.ID });
}

/** What stops sending must not stop the e-mails of the next one. */
async function undo({ line }: Recipe): Promise<void> {
  if (/ pause /.test(line)) for (const name of ['critical', 'medium', 'low']) await tempost(['resume', name]);
  if (/queue-rps-limit 0/.test(line))
    await copy([...recipes.values()].find((it) => /rps-limit default/.test(it.line))!);
  if (/ provider mailgun /.test(line)) {
    for (const words of ['auto', 'enable', 'rate none', 'per-day none']) {
      await tempost(['provider', 'mailgun', ...words.split(' '), '--reason', 'test']);
    }
  }
  if (/^curl .*faults/.test(line)) await system.stack.setFaults({});
}

describe('every command of the documents that can be copied runs against a real system', () => {
  it('finds them', () => {
    const of = (program: string) => [...recipes.values()].filter((recipe) => recipe.program === program).length;
    expect([of('tempost') > 70, of('temporal') > 15, of('curl') > 3]).toEqual([true, true, true]);
  });

  it.each([...recipes.values()].map((recipe) => [recipe.line.replaceAll(/\s+/g, ' '), recipe] as const))(
    '%s',
    { timeout: patient(30_000) },
    async (_, recipe) => {
      await copy(recipe);
      await undo(recipe);
    },
  );
});

describe('the steps after a restore, which stop all sending, run once one has begun', () => {
  it('are there', () => expect(recoverySteps.map(({ words }) => words[1])).toContain('finish'));

  it.each(recoverySteps.map((recipe) => [recipe.line, recipe] as const))(
    '%s',
    { timeout: patient(30_000) },
    async (_, { words }) => {
      const values = { ...running, TIME: new Date(Date.now() - 60_000).toISOString() };
      await tempost(words.map((word) => filled(word, values)));
    },
  );
});

describe('the blocks of commands in the documents', () => {
  it.each(GUIDES.filter((path) => blocksIn(path).length > 0))('are what a shell can read, in %s', async (path) => {
    for (const block of blocksIn(path)) await execute('bash', ['-n', '-c', block]);
  });
});

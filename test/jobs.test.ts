import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertClient } from './support/database.js';
import { insertDeadEmails, jobsBy, livesOf } from './support/operators/jobs.js';
import { patient } from './support/patience.js';
import type { ProcessName } from './support/stack.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import { until } from './support/until.js';

const COUNT = 500;

let system: TestSystem;
let jobs: ReturnType<typeof jobsBy>;
beforeAll(async () => {
  system = await startTestSystem();
  jobs = jobsBy(system.stack);
});
afterAll(() => system?.drop());

const deadClient = async () => {
  const { id: clientId } = await insertClient(system.database.db);
  await insertDeadEmails(system.database.db, { clientId, count: COUNT });
  return clientId;
};
const doneOf = async (id: string) => (await jobs.read(id))?.counts.done ?? 0;

describe('a job', () => {
  beforeAll(async () => {
    // What is retried is to stay in the queue, where it can be counted.
    await system.database.db.updateTable('queue_controls').set({ paused_at: new Date() }).execute();
  });

  it('retries, reroutes and cancels 500 e-mails once each while its workers, the dispatcher and the api are killed', {
    timeout: patient(300_000),
  }, async () => {
    const { db } = system.database;
    const client = await deadClient();
    await doneUnderKills(client, { kind: 'retry', filter: { client, code: 'http_401' } });
    await doneUnderKills(client, { kind: 'reroute', filter: { client }, through: 'mandrill' });
    await doneUnderKills(client, { kind: 'cancel', filter: { client } });
    const emails = db.selectFrom('emails').where('client_id', '=', client);
    const ends = await emails
      .select((is) => ['status', 'only_provider', is.fn.countAll<string>().as('emails')])
      .groupBy(['status', 'only_provider'])
      .execute();
    expect(ends).toEqual([{ status: 'cancelled', only_provider: 'mandrill', emails: COUNT }]);
  });

  /** Each of the client's e-mails waits when the job begins, and has by it one event more in the end. */
  async function doneUnderKills(client: string, job: object): Promise<void> {
    const { database } = system;
    const { id } = await jobs.begin({ ...job, rate_per_s: 50 });
    const killedAt = await killedUnderWay(id, 0, ['worker-low', 'worker-medium', 'api', 'dispatcher']);
    await killedUnderWay(id, killedAt, ['worker-low', 'worker-medium']);
    await until('it is done', async () => (await jobs.read(id))?.state === 'done', 120_000);
    expect(await jobs.read(id)).toMatchObject({
      matched: COUNT,
      counts: { pending: 0, done: COUNT, skipped: {}, failed: {} },
    });
    expect(await livesOf(database.db, client, id)).toEqual([{ generation: 2, by_job: 1, emails: COUNT }]);
  }

  /**
   * Kills both workers that run jobs, and maybe more, when more than so many items of the job are over, and looks while
   * they are dead whether others still wait: before, on a busy machine, the job could have ended meanwhile.
   *
   * @returns how many are over.
   */
  async function killedUnderWay(id: string, before: number, names: readonly ProcessName[]): Promise<number> {
    const { stack } = system;
    await until('some more are over', async () => (await overOf(id)) > before, 60_000);
    await Promise.all(names.map((name) => stack.kill(name)));
    const over = await overOf(id);
    expect(over).toBeGreaterThan(before);
    expect(over).toBeLessThan(COUNT);
    await Promise.all(names.map((name) => stack.startProcess(name)));
    return over;
  }

  /** As the record says: the api may be away. */
  async function overOf(id: string): Promise<number> {
    const items = system.database.db.selectFrom('job_items').where('job_id', '=', id).where('state', '<>', 'pending');
    const { over } = await items.select((is) => is.fn.countAll<string>().as('over')).executeTakeFirstOrThrow();
    return Number(over);
  }

  it('is stopped, and goes on in another workflow when it is resumed', { timeout: patient(120_000) }, async () => {
    const client = await deadClient();
    const { id } = await jobs.begin({ kind: 'retry', filter: { client }, rate_per_s: 50 });
    await until('some are done', async () => (await doneOf(id)) > 10, 60_000);
    await jobs.stop(id);
    const workflow = system.temporal.client.workflow.getHandle(`job-${id}`);
    expect(await workflow.result()).toBe('stopped');
    const stopped = await doneOf(id);
    expect(stopped).toBeLessThan(COUNT);
    await jobs.resume(id);
    await until('it goes on', async () => (await doneOf(id)) > stopped, 60_000);
    await until('it is done', async () => (await jobs.read(id))?.state === 'done', 60_000);
    expect(await livesOf(system.database.db, client, id)).toEqual([{ generation: 2, by_job: 1, emails: COUNT }]);
  });

  it('leaves nothing in its history but ids and numbers', async () => {
    const known = /^("[\w: -]+"|{"jobId":"[0-9a-f-]{36}"}|{"state":"\w+","matched":\d+,"stepped":\d+})$/;
    let seen = 0;
    for await (const { workflowId } of system.temporal.client.workflow.list({ query: `WorkflowType = 'job'` })) {
      const history = JSON.stringify(await system.temporal.client.workflow.getHandle(workflowId).fetchHistory());
      for (const [, data] of history.matchAll(/"data":"([^"]+)"/g)) {
        expect(Buffer.from(data!, 'base64').toString()).toMatch(known);
        seen++;
      }
    }
    expect(seen).toBeGreaterThan(10);
  });
});

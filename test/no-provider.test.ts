import { afterAll, beforeAll, expect, it } from 'vitest';
import { showWorkflow } from './support/history.js';
import { patient } from './support/patience.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import { until } from './support/until.js';

let system: TestSystem;
beforeAll(async () => {
  system = await startTestSystem({ without: ['worker-medium', 'worker-low'] });
});
afterAll(() => system?.drop());

const queueStateOf = async (id: string) =>
  (await system.database.db.selectFrom('email_queue').select('state').where('email_id', '=', id).executeTakeFirst())
    ?.state;
const probedAt = async () => {
  const rows = await system.database.db.selectFrom('provider_health').select('probed_at').execute();
  return Math.max(...rows.map(({ probed_at }) => probed_at?.getTime() ?? 0));
};
/** Waits until both providers have been asked so many times more whether they are back. */
async function probed(times: number) {
  for (let n = 0; n < times; n++) {
    const before = await probedAt();
    await until('a provider is probed', async () => (await probedAt()) > before);
  }
}
/** Its history grows by itself no more: no activity is under way, and no turn of the workflow is to come. */
const isAtRest = async (id: string) => {
  const { raw } = await system.temporal.client.workflow.getHandle(`email-${id}`).describe();
  return !raw.pendingActivities?.length && !raw.pendingWorkflowTask;
};
/** How many of its activities `send` have made no call. */
const idleSendsOf = async (id: string) => {
  const sends = (await historyOf(id)).filter(
    (event) => event.activityTaskScheduledEventAttributes?.activityType.name === 'send',
  );
  return sends.length - (await system.stack.email(id)).attempts.length;
};
const historyOf = async (id: string) => {
  const { events } = await showWorkflow(system.temporal, `email-${id}`);
  return events;
};

it('while no provider admits, a critical e-mail adds nothing to its history, and leaves when one is back', {
  timeout: patient(120_000),
}, async () => {
  const { stack } = system;
  await stack.setFaults({ mailgun: { down: true }, mandrill: { down: true } });
  const ids = await Promise.all(Array.from({ length: 10 }, () => stack.submit({ priority: 'critical' })));
  for (const id of ids) {
    await until('it sleeps', async () => (await queueStateOf(id)) === 'awaiting_provider' && (await isAtRest(id)));
    // Nobody is sending it.
    expect(['queued', 'retrying']).toContain((await stack.email(id)).status);
  }
  // On a slow machine the probes below take longer than a minute: then an e-mail would be tried, as it should.
  await system.database.db
    .updateTable('provider_health')
    .set({ trial_at: new Date(Date.now() + 3_600_000) })
    .execute();
  // One that comes now is not dispatched at all.
  const late = await stack.submit({ priority: 'critical' });
  const before = await Promise.all(ids.map(historyOf));
  const idleBefore = new Map(await Promise.all(ids.map(async (id) => [id, await idleSendsOf(id)] as const)));
  // The breaker of each of the two providers may have opened between the look and the try.
  expect(Math.max(...idleBefore.values()), 'sends that made no call').toBeLessThanOrEqual(2);
  await probed(4);
  const after = await Promise.all(ids.map(historyOf));
  expect(after.map((events) => events.length)).toEqual(before.map((events) => events.length));
  expect(await queueStateOf(late)).toBe('waiting');
  expect((await stack.email(late)).status).toBe('queued');

  await stack.setFaults({});
  for (const id of [...ids, late]) {
    await stack.reaches(id, ['delivered', 'opened']);
    // Woken together, one may find that others have used what the provider admits at first.
    const idle = (await idleSendsOf(id)) - (idleBefore.get(id) ?? 0);
    expect(idle, 'sends that made no call, once woken').toBeLessThanOrEqual(1);
    expect((await historyOf(id)).length).toBeLessThan(60);
  }
  const calls = (await stack.acceptance()).map((call) => call.email_id);
  expect(calls.sort()).toEqual([...ids, late].sort());
});

it('a breaker is healed by probes alone, without an e-mail', { timeout: patient(120_000) }, async () => {
  const { stack, database } = system;
  await database.db
    .updateTable('provider_health')
    .set({ state: 'open', opened_at: new Date(), probe_at: new Date() })
    .where('provider', '=', 'mandrill')
    .execute();
  await until(
    'it is closed',
    async () => {
      const health = database.db.selectFrom('provider_health').select('state').where('provider', '=', 'mandrill');
      return (await health.executeTakeFirstOrThrow()).state === 'closed';
    },
    60_000,
  );
  expect((await stack.acceptance()).filter((call) => call.provider === 'mandrill' && call.attempt > 9)).toEqual([]);
});

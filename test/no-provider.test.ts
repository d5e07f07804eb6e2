import { afterAll, beforeAll, expect, it } from 'vitest';
import { showWorkflow } from './support/history.js';
import { patient } from './support/patience.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import { until } from './support/until.js';

let system: TestSystem;
beforeAll(async () => {
  system = await startTestSystem();
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
    await until('it sleeps', async () => (await queueStateOf(id)) === 'awaiting_provider');
  }
  // One that comes now is not dispatched at all.
  const late = await stack.submit({ priority: 'critical' });
  const before = await Promise.all(ids.map(historyOf));
  await probed(4);
  const after = await Promise.all(ids.map(historyOf));
  expect(after.map((events) => events.length)).toEqual(before.map((events) => events.length));
  expect(await queueStateOf(late)).toBe('waiting');

  await stack.setFaults({});
  for (const id of [...ids, late]) {
    const { attempts } = await stack.reaches(id, ['delivered', 'opened']);
    const events = await historyOf(id);
    const sends = events.filter(
      (event) =>
        event.eventType === 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED' &&
        JSON.stringify(event).includes('"activityType":{"name":"send"}'),
    );
    // A breaker that opens between the look and the try leaves one that made no call.
    expect(sends.length - attempts.length, 'sends that made no call').toBeLessThanOrEqual(1);
    expect(events.length).toBeLessThan(60);
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

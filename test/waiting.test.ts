import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { changeProvider } from '../src/domain/provider-health/switches.js';
import { pause, resume } from '../src/domain/queue/pauses.js';
import { patient } from './support/patience.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import { until } from './support/until.js';

// Each reason for which an e-mail can wait, brought about in the running system.

const PATIENT = { timeout: patient(120_000) };
let system: TestSystem;

beforeAll(async () => {
  system = await startTestSystem({
    env: { IN_FLIGHT_CRITICAL: '1', BACKOFF_INITIAL_S: '600', SWEEP_INTERVAL_S: '1', SWEEP_AFTER_S: '2' },
  });
});
afterAll(() => system?.drop());

interface Waiting {
  readonly code: string;
  readonly reason: string;
  readonly next_try_at: string | null;
}
const waitingOf = async (id: string) =>
  ((await system.stack.email(id)) as unknown as { waiting: Waiting | null }).waiting;

/**
 * Waits until an e-mail says that it waits for this.
 *
 * @param timed and until when: between two waits its workflow has nothing to say.
 */
async function waitsFor(id: string, code: string, timed = false): Promise<Waiting> {
  let last: Waiting | null = null;
  await until(
    () => `${id} waits for ${code} (it says ${last?.code})`,
    async () => {
      last = await waitingOf(id);
      const told = last as Waiting | null;
      return told?.code === code && (!timed || told.next_try_at !== null);
    },
    60_000,
  );
  return last!;
}

const providers = ['mailgun', 'mandrill'] as const;
const switchAll = async (change: Omit<Parameters<typeof changeProvider>[2], 'reason'>) => {
  for (const name of providers) await changeProvider(system.database.db, name, { ...change, reason: 'test' });
};
const delivered = async (id: string) => {
  expect((await system.stack.reaches(id, ['delivered', 'opened'], 60_000)).status).toBeTruthy();
  expect(await waitingOf(id)).toBeNull();
};

describe('an e-mail says in the running system that it waits', PATIENT, () => {
  afterEach(async () => {
    await system.stack.setFaults({});
    await switchAll({ enabled: true, forced: null, rate_per_s: null, per_day: null });
    await system.database.db
      .updateTable('provider_health')
      .set({ state: 'closed', failures: 0, openings: 0 })
      .execute();
  });

  it('for its scheduled time', async () => {
    const send_at = new Date(Date.now() + 3_600_000).toISOString();
    const id = await system.stack.submit({ send_at });
    expect(await waitsFor(id, 'scheduled')).toMatchObject({ next_try_at: send_at });
  });

  it('for the end of a pause', async () => {
    await pause(system.database.db, ['low'], 'test');
    const id = await system.stack.submit({ priority: 'low' });
    await waitsFor(id, 'paused');
    await resume(system.database.db, ['low']);
    await delivered(id);
  });

  it('for the end of a pause in Temporal', async () => {
    const { connection } = system.temporal.client;
    const config = (requestsPerSecond?: number) =>
      connection.workflowService.updateTaskQueueConfig({
        namespace: system.temporal.namespace,
        identity: 'somebody',
        taskQueue: 'send-low',
        taskQueueType: 2,
        updateQueueRateLimit: {
          rateLimit: requestsPerSecond === undefined ? undefined : { requestsPerSecond },
          reason: 'by hand',
        },
      });
    await config(0);
    const id = await system.stack.submit({ priority: 'low' });
    await waitsFor(id, 'paused_in_temporal');
    await config();
    await delivered(id);
  });

  it.each([
    ['provider_disabled', { enabled: false }, { enabled: true }],
    ['breaker_forced_open', { forced: 'open' }, { forced: null }],
  ] as const)('for providers: %s', async (code, change, back) => {
    await switchAll(change);
    const id = await system.stack.submit({ priority: 'medium' });
    expect((await waitsFor(id, code)).reason).toContain('mandrill');
    await switchAll(back);
    await delivered(id);
  });

  it('for a quota', async () => {
    // A shard that no call of the tests before can have counted in.
    const day = new Date().toISOString().slice(0, 10);
    await system.database.db
      .insertInto('provider_calls')
      .values(providers.map((provider) => ({ provider, day, shard: 1_000, calls: 10 })))
      .execute();
    await switchAll({ per_day: 1 });
    const id = await system.stack.submit({ priority: 'medium' });
    expect((await waitsFor(id, 'quota_used_up')).next_try_at).toMatch(/T00:00:00\.000Z$/);
    await switchAll({ per_day: null });
    await delivered(id);
  });

  it('for a rate', async () => {
    await switchAll({ rate_per_s: 0.01 });
    const ids = await Promise.all([1, 2, 3, 4].map(() => system.stack.submit({ priority: 'medium' })));
    await until('one of them says so', async () => {
      const codes = await Promise.all(ids.map(async (id) => (await waitingOf(id))?.code));
      return codes.includes('rate_limited');
    });
    await switchAll({ rate_per_s: null });
    for (const id of ids) await delivered(id);
  });

  it('for a breaker that calls have opened', async () => {
    await system.stack.setFaults({ mailgun: { down: true }, mandrill: { down: true } });
    await Promise.all(Array.from({ length: 6 }, () => system.stack.submit({ priority: 'low' })));
    const isOpen = async () => {
      const health = system.database.db
        .selectFrom('provider_health')
        .select('state')
        .where('provider', 'in', providers);
      return (await health.execute()).every(({ state }) => state === 'open');
    };
    await until('both breakers are open', isOpen, 60_000);
    const id = await system.stack.submit({ priority: 'medium' });
    expect((await waitsFor(id, 'breaker_open')).next_try_at).not.toBeNull();
    await system.stack.setFaults({});
    await delivered(id);
  });

  it('for its next try, and when that is', async () => {
    await switchAll({ forced: 'closed' });
    await system.stack.setFaults({ mailgun: { down: true }, mandrill: { down: true } });
    const id = await system.stack.submit({ priority: 'medium' });
    const { next_try_at } = await waitsFor(id, 'backing_off', true);
    const inMs = Date.parse(next_try_at!) - Date.now();
    expect(inMs).toBeGreaterThan(0);
    expect(inMs).toBeLessThanOrEqual(600_000);
  });

  it('for word of a call whose outcome is not known, and until when it is asked about again', async () => {
    await switchAll({ forced: 'closed' });
    await system.stack.setFaults({ mailgun: { lookUpMiss: 1, webhooks: { loseFraction: 1 } } });
    const id = await system.stack.submit({ receiver: 'ambiguous@example.org' });
    const { next_try_at } = await waitsFor(id, 'unknown_outcome', true);
    expect(Date.parse(next_try_at!)).toBeGreaterThan(Date.now() - 60_000);
  });

  it('for a worker', async () => {
    await system.stack.kill('worker-low');
    const id = await system.stack.submit({ priority: 'low' });
    await waitsFor(id, 'no_worker');
    await system.stack.startProcess('worker-low');
    await delivered(id);
  });

  it('for one of those in flight', async () => {
    await system.stack.kill('worker-critical');
    const ids = [
      await system.stack.submit({ priority: 'critical' }),
      await system.stack.submit({ priority: 'critical' }),
    ];
    await waitsFor(ids[1]!, 'in_flight_limit');
    await system.stack.startProcess('worker-critical');
    for (const id of ids) await delivered(id);
  });

  it('for a dispatcher', async () => {
    await system.stack.kill('dispatcher');
    const id = await system.stack.submit();
    await waitsFor(id, 'no_dispatcher');
    await system.stack.startProcess('dispatcher');
    await delivered(id);
  });
});

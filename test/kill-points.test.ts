import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestDatabase } from './support/database.js';
import { patient } from './support/patience.js';
import { assertWithRoom } from './support/run/machine.js';
import type { Stack } from './support/stack.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import { until } from './support/until.js';

const CRITICAL_MS = 15_000;

let system: TestSystem;
let database: TestDatabase;
let stack: Stack;

beforeAll(async () => {
  system = await startTestSystem({ without: ['worker-medium', 'worker-low'] });
  ({ database, stack } = system);
});
afterAll(() => system?.drop());

/** After a kill: one acceptance, within the service level. */
async function expectHandedOverOnce(id: string) {
  const view = await stack.reaches(id, ['delivered', 'opened'], 40_000);
  const calls = (await stack.acceptance()).filter((call) => call.email_id === id);
  expect(calls, JSON.stringify(view)).toHaveLength(1);
  const handOverMs = new Date(calls[0]!.accepted_at).getTime() - new Date(view.created_at).getTime();
  assertWithRoom('handed over within 15 s', () =>
    expect(handOverMs, JSON.stringify(view)).toBeLessThanOrEqual(CRITICAL_MS),
  );
}

const submitCritical = () => stack.submit({ priority: 'critical' });

/** How many requests the sandbox is holding. */
const held = async () =>
  ((await (await fetch(`${stack.sandbox}/sandbox/held`)).json()) as { held: unknown[] }).held.length;
const release = async () =>
  ((await (await fetch(`${stack.sandbox}/sandbox/release`, { method: 'POST' })).json()) as { released: number })
    .released;

/** Two kills, each of which meets five e-mails at the same point: ten times in all. */
const ROUNDS = 2;
const TOGETHER = 5;

describe.each(['while_reading_body', 'after_taking_before_answer', 'just_after_answer'] as const)(
  'a worker killed with the provider %s',
  (pausePoint) => {
    it('hands its e-mails over exactly once each, within 15 s', { timeout: patient(120_000) }, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        await stack.setFaults({ pausePoint, pauseTimes: TOGETHER });
        const ids = await Promise.all(Array.from({ length: TOGETHER }, submitCritical));
        await until('all have come to the point', async () => (await held()) === TOGETHER);
        await stack.kill('worker-critical');
        await stack.setFaults({});
        expect(await release()).toBe(TOGETHER);
        await stack.startProcess('worker-critical');
        await Promise.all(ids.map(expectHandedOverOnce));
      }
    });
  },
);

describe('a worker killed between its permission and its call', () => {
  /** A trigger on the attempt's row tells the moment: its notification is sent by the commit. */
  const CHANNEL = 'test_attempt_written';
  let listener: pg.Client;

  beforeAll(async () => {
    listener = new pg.Client({ connectionString: database.url });
    listener.on('error', () => {});
    await listener.connect();
    await listener.query(`listen ${CHANNEL}`);
    await listener.query(`create function test_notify() returns trigger language plpgsql as $$
      begin perform pg_notify('${CHANNEL}', new.email_id::text); return new; end $$`);
    await listener.query(
      'create trigger test_attempt after insert on send_attempts for each row execute function test_notify()',
    );
  });
  afterAll(async () => {
    await listener.query('drop trigger test_attempt on send_attempts');
    await listener.end();
  });

  it('hands its e-mails over exactly once each, within 15 s', { timeout: patient(240_000) }, async () => {
    for (let round = 0; round < 5; round++) {
      const written = new Promise<void>((resolve) => listener.once('notification', () => resolve()));
      const ids = Promise.all([submitCritical(), submitCritical()]);
      await written;
      await stack.kill('worker-critical');
      await stack.startProcess('worker-critical');
      await Promise.all((await ids).map(expectHandedOverOnce));
    }
  });
});

describe('a worker that is frozen past its time-outs and wakes', () => {
  it('does not send a second time', { timeout: patient(90_000) }, async () => {
    await stack.setFaults({ pausePoint: 'after_taking_before_answer', pauseTimes: 1 });
    const id = await submitCritical();
    await until('its call has come to the point', async () => (await held()) === 1);
    const frozen = stack.pidOf('worker-critical');
    process.kill(frozen, 'SIGSTOP');
    try {
      await stack.setFaults({});
      await stack.startProcess('worker-critical', 'second-worker');
      await stack.reaches(id, ['delivered'], 40_000);
    } finally {
      process.kill(frozen, 'SIGCONT');
    }
    await release();
    await stack.kill('second-worker');
    // The one that was frozen is of use again, and nothing it remembers is sent.
    const next = await submitCritical();
    await stack.reaches(next, ['delivered'], 40_000);
    expect((await stack.acceptance()).filter((call) => call.email_id === id)).toHaveLength(1);
  });
});

import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PRIORITIES } from '../src/priority.js';
import { patient } from './support/patience.js';
import { startTestPostgres, type TestPostgres } from './support/servers/postgres.js';
import { type ProcessName, Stack, second } from './support/stack.js';
import { startTestTemporal, type TestTemporal } from './support/temporal.js';
import { until } from './support/until.js';

const EMAILS = 100;

let postgres: TestPostgres;
let temporal: TestTemporal;
let stack: Stack;

beforeAll(async () => {
  [postgres, temporal] = await Promise.all([startTestPostgres(), startTestTemporal()]);
  stack = await Stack.start({
    databaseUrl: postgres.url,
    temporalAddress: temporal.address,
    twoOfEach: true,
    // A call that was cut off before the provider took it leaves no evidence: medium and low wait for their time.
    env: { DEADLINE_MEDIUM_S: '20', DEADLINE_LOW_S: '30', AMBIGUOUS_WAIT_LOW_S: '20', CALL_TIMEOUT_LOW_S: '10' },
  });
});
afterAll(async () => {
  await stack?.stop();
  await temporal?.drop();
  await postgres?.drop();
});

describe('with two of every process, and every part killed, one after another, while 100 e-mails are submitted', () => {
  it('every e-mail is accepted by a provider exactly once, and all are delivered', {
    timeout: patient(240_000),
  }, async () => {
    const ids: string[] = [];
    const submitting = (async () => {
      for (let n = 0; n < EMAILS; n++) {
        ids.push(
          await stack.submit({
            priority: PRIORITIES[n % PRIORITIES.length],
            receiver: `reader-${n}@example.org`,
            attachment: { filename: `part-${n}.bin`, bytes: randomBytes(20_000) },
          }),
        );
        await delay(100);
      }
    })();

    const processes: ProcessName[] = [
      'api',
      'dispatcher',
      'webhooks',
      'worker-critical',
      'worker-medium',
      'worker-low',
    ];
    for (const name of processes) {
      await delay(1_000);
      const both = [name, second(name)];
      await Promise.all(both.map((instance) => stack.kill(instance)));
      await Promise.all(both.map((instance) => stack.startProcess(name, instance)));
    }
    for (const server of [temporal, postgres]) {
      await delay(1_500);
      await server.kill();
      await delay(1_000);
      await server.start();
    }
    await submitting;
    await stack.ready();

    const pending = new Set(ids);
    const stillOpen = async () => {
      for (const id of pending) if ((await stack.email(id)).status === 'delivered') pending.delete(id);
      return pending.size === 0;
    };
    await until(() => `all are delivered (${[...pending].join(', ')} are not)`, stillOpen, 150_000);

    const calls = new Map<string, number>();
    for (const { email_id } of await stack.acceptance()) calls.set(email_id, (calls.get(email_id) ?? 0) + 1);
    expect(ids).toHaveLength(EMAILS);
    expect(new Set(ids).size).toBe(EMAILS);
    expect(Object.fromEntries(calls)).toEqual(Object.fromEntries(ids.map((id) => [id, 1])));
  });
});

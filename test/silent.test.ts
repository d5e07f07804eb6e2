import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestDatabase } from './support/database.js';
import { patient } from './support/patience.js';
import type { Stack } from './support/stack.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import { until } from './support/until.js';

let system: TestSystem;
let database: TestDatabase;
let stack: Stack;

beforeAll(async () => {
  system = await startTestSystem({
    // Long enough for the sandbox to deliver what a look-up is to find delivered.
    env: { DELIVERY_TIMEOUT_S: String(patient(1_000) / 1_000) },
  });
  ({ database, stack } = system);
});
afterAll(() => system?.drop());

const LOST = { loseFraction: 1 };

describe('an e-mail of which nothing is heard after it was sent', () => {
  it('is looked up at its provider, and found delivered', async () => {
    await stack.setFaults({ mailgun: { webhooks: LOST } });
    const id = await stack.submit();
    const view = await stack.reaches(id, ['delivered']);
    expect(view.events.find((event) => event.type === 'delivered')?.metadata).toEqual({ look_up: 'found' });
  });

  it('is marked and counted when its provider has nothing to tell either', async () => {
    await stack.setFaults({ mailgun: { webhooks: LOST, lookUpMiss: 1 } });
    const id = await stack.submit();
    await until('it is marked', async () => (await stack.email(id)).events.some((event) => event.type === 'quiet'));
    expect((await stack.email(id)).status).toBe('sent');
    const counters = database.db.selectFrom('counters').select(['name', 'label', 'value']);
    expect(await counters.execute()).toEqual([{ name: 'quiet_emails', label: 'mailgun', value: 1 }]);
    const queued = database.db.selectFrom('email_queue').select('state').where('email_id', '=', id);
    expect(await queued.execute()).toEqual([]);
  });
});

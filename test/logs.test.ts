import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWire, type Wire } from '../drills/wire.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { patient } from './support/patience.js';
import { PROCESS_NAMES, type ProcessName, Stack } from './support/stack.js';
import { createTestNamespace, type TestNamespace } from './support/temporal.js';
import { until } from './support/until.js';

/** The sandbox stands in for providers; it is no part of the product. */
const OURS = PROCESS_NAMES.filter((name) => name !== 'sandbox');
/** The core speaks up when it has tried for about seven seconds. */
const PATIENT = { timeout: patient(120_000) };

let database: TestDatabase;
let temporal: TestNamespace;
let wire: Wire;
let stack: Stack;

beforeAll(async () => {
  [database, temporal] = await Promise.all([createTestDatabase(), createTestNamespace()]);
  wire = await openWire(() => Number(temporal.address.split(':')[1]));
  const { namespace } = temporal;
  stack = await Stack.start({ databaseUrl: database.url, temporalAddress: `127.0.0.1:${wire.port}`, namespace });
});
afterAll(async () => {
  await stack?.stop();
  await wire?.close();
  await temporal?.drop();
  await database?.drop();
});

type Entry = Record<string, unknown> & { level: number; service: string; msg: string };
/** What follows the last end of a line is yet to be written in full. */
const linesOf = (name: ProcessName) => stack.logOf(name).split('\n').slice(0, -1).filter(Boolean);
const entriesOf = (name: ProcessName) => linesOf(name).map((line) => JSON.parse(line) as Entry);
const wrote = (name: ProcessName, holds: (entry: Entry) => boolean) => entriesOf(name).filter(holds);

describe('the logs of all processes', PATIENT, () => {
  it('tell the whole life of an e-mail to whoever searches all of them for its id', async () => {
    const personal = { receiver: 'ada@example.org', subject: 'Only for Ada', content: 'A secret of hers.' };
    const id = await stack.submit({ ...personal, attachment: { filename: 'ada.pdf', bytes: Buffer.from('ada') } });
    await stack.reaches(id, ['delivered'], 60_000);
    expect((await fetch(`${stack.webhooks}/api/email/${id}/open`)).status).toBe(200);
    const lifeOf = (emailId: string) =>
      OURS.flatMap(entriesOf)
        .filter((entry) => entry.emailId === emailId)
        .sort((one, other) => String(one.time).localeCompare(String(other.time)));
    const stepsOf = (emailId: string) => lifeOf(emailId).map(({ service, msg }) => `${service}: ${msg}`);
    await until('the open and the upload are logged', () => {
      const steps = stepsOf(id);
      return steps.includes('webhooks: opened') && steps.includes('worker-medium: uploaded');
    });
    const inOrder = ['api: accepted', 'dispatcher: dispatched', 'worker-medium: attempt', 'worker-medium: outcome'];
    const steps = stepsOf(id);
    // An answer may be written after the webhook that it is overtaken by.
    expect(steps.filter((step) => inOrder.includes(step))).toEqual(inOrder);
    expect(steps.indexOf('webhooks: webhook')).toBeGreaterThan(steps.indexOf('worker-medium: attempt'));
    expect(steps.at(-1)).toMatch(/opened|uploaded/);
    const [outcome] = lifeOf(id).filter(({ msg }) => msg === 'outcome');
    expect(outcome).toMatchObject({ generation: 1, attempt: 1, provider: 'mailgun', kind: 'accepted' });
    const told = lifeOf(id).flatMap(({ msg, event }) => (msg === 'webhook' ? [event] : []));
    expect(told).toEqual(expect.arrayContaining(['delivered']));

    // A scheduled one, so that there is time for an operator.
    const later = await stack.submit({ ...personal, send_at: new Date(Date.now() + 3_600_000).toISOString() });
    const cancelled = await fetch(`${stack.api}/api/email/${later}/cancel`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stack.key}` },
    });
    expect(cancelled.status).toBe(200);
    const act = { action: 'email.cancel', source: 'api', keyId: expect.any(String) };
    await until('the act is logged', () => stepsOf(later).includes('api: operator act'));
    expect(lifeOf(later).find(({ msg }) => msg === 'operator act')).toMatchObject(act);
    for (const name of OURS) expect(stack.logOf(name)).not.toMatch(/ada@example|Only for Ada|A secret|ada\.pdf/);
  });

  it('name the provider, the code and the e-mail of a failed call, and nothing that the provider said', async () => {
    await stack.setFaults({ mailgun: { wrongKey: true }, mandrill: { down: true } });
    const id = await stack.submit({ priority: 'critical', receiver: 'somebody@example.org' });
    const failed = (provider: string) =>
      wrote('worker-critical', (entry) => entry.msg === 'call failed' && entry.provider === provider);
    await until('both failed calls are logged', () => failed('mailgun').length > 0 && failed('mandrill').length > 0);
    expect(failed('mailgun')[0]).toMatchObject({ level: 40, emailId: id, code: 'http_401', kind: 'misconfigured' });
    expect(failed('mandrill')[0]).toMatchObject({ level: 40, emailId: id, kind: 'unavailable' });
    await until('the opened breaker is logged', () => wrote('dispatcher', isOpening).length > 0);
    expect(wrote('dispatcher', isOpening)[0]).toMatchObject({
      provider: 'mailgun',
      code: 'http_401',
      misconfigured: true,
    });
    await stack.setFaults({});
    for (const name of OURS) expect(stack.logOf(name)).not.toContain('somebody');
  });

  it('are JSON lines also when Temporal goes and comes, a line of a kind and not one a try', async () => {
    await wire.close();
    const ofCore = (entry: Entry) => entry.sdkComponent === 'core';
    await until('a worker says that Temporal is away', () => wrote('worker-low', ofCore).length > 0, 60_000);
    await wire.open();
    const id = await stack.submit();
    await stack.reaches(id, ['delivered'], 60_000);
    for (const name of OURS) {
      for (const line of linesOf(name)) {
        expect(line).toMatch(/^\{.*\}$/);
        expect(JSON.parse(line)).toMatchObject({ service: name, level: expect.any(Number), msg: expect.any(String) });
      }
    }
    expect(wrote('worker-low', ofCore).length).toBeLessThan(20);
  });
});

const isOpening = ({ msg }: Entry) => msg === 'breaker opened';

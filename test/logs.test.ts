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

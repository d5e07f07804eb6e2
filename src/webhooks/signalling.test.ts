import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { patient } from '../../test/support/patience.js';
import {
  createTestNamespace,
  startTestTemporal,
  type TestNamespace,
  type TestTemporal,
} from '../../test/support/temporal.js';
import {
  insertEmail,
  mailgunBody,
  mailgunEvent,
  postMailgun,
  startTestWebhooks,
  type TestEmail,
} from '../../test/support/webhooks.js';
import { workflowIdOf } from '../temporal/names.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const sentEmail = () => insertEmail(database.db, [{ provider: 'mailgun', state: 'accepted' }]);

const waitingFor = async ({ id }: TestEmail) =>
  (await database.db.selectFrom('pending_signals').select('kind').where('email_id', '=', id).execute()).map(
    ({ kind }) => kind,
  );

/** An open workflow that nobody works on: what it is told stays in its history. */
const startWorkflow = (temporal: TestNamespace, email: TestEmail) =>
  temporal.client.workflow.start('email', { workflowId: workflowIdOf(email.id), taskQueue: 'nobody' });

async function signalsIn(temporal: TestNamespace, email: TestEmail): Promise<unknown[]> {
  const { events } = await temporal.client.workflow.getHandle(workflowIdOf(email.id)).fetchHistory();
  return (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => {
    const args = signal?.input?.payloads?.map(({ data }) => JSON.parse(Buffer.from(data!).toString('utf8')));
    return args ? [[signal!.signalName, ...args]] : [];
  });
}

describe('workflows are told of what is stored', () => {
  let temporal: TestNamespace;
  beforeAll(async () => {
    temporal = await createTestNamespace();
  });
  afterAll(() => temporal.drop());

  const start = () =>
    startTestWebhooks({
      // Only who is cut off leaves signals to the dispatcher, and a slow machine is not to be cut off.
      limits: { signalGraceMs: patient(30_000) },
      databaseUrl: database.url,
      temporalAddress: temporal.address,
      namespace: temporal.namespace,
    });

  it('by a signal that carries nothing but its kind, after which nothing is left to deliver', async () => {
    const service = await start();
    const email = await sentEmail();
    await startWorkflow(temporal, email);
    const event = mailgunEvent(email, 'delivered', { recipient: email.receiver });
    expect((await postMailgun(service.url, mailgunBody(event))).status).toBe(200);
    await expect.poll(() => waitingFor(email)).toEqual([]);
    expect(await signalsIn(temporal, email)).toEqual([['providerEvent', 'delivered']]);
    // Told again under a new token: nothing new, nothing to tell.
    expect((await postMailgun(service.url, mailgunBody(event))).status).toBe(200);
    expect((await fetch(`${service.url}/api/email/${email.id}/open`)).status).toBe(200);
    await expect.poll(() => waitingFor(email)).toEqual([]);
    expect(await signalsIn(temporal, email)).toEqual([
      ['providerEvent', 'delivered'],
      ['providerEvent', 'opened'],
    ]);
    await service.stop();
  });

  it('of a click as an open of which the record says more, so that a workflow ends as clicked', async () => {
    const service = await start();
    const email = await sentEmail();
    await startWorkflow(temporal, email);
    expect((await postMailgun(service.url, mailgunBody(mailgunEvent(email, 'clicked')))).status).toBe(200);
    await expect.poll(() => waitingFor(email)).toEqual([]);
    expect(await signalsIn(temporal, email)).toEqual([['providerEvent', 'opened', true]]);
    await service.stop();
  });

  it('and one that is closed or gone needs no telling', async () => {
    const service = await start();
    const [closed, gone] = [await sentEmail(), await sentEmail()];
    await (await startWorkflow(temporal, closed)).terminate();
    for (const email of [closed, gone]) {
      expect((await postMailgun(service.url, mailgunBody(mailgunEvent(email, 'delivered')))).status).toBe(200);
      await expect.poll(() => waitingFor(email)).toEqual([]);
    }
    await service.stop();
  });

  it('and what is under way when the process is stopped is finished', async () => {
    const service = await start();
    const emails = await Promise.all(Array.from({ length: 20 }, sentEmail));
    await Promise.all(emails.map((email) => startWorkflow(temporal, email)));
    await Promise.all(emails.map((email) => postMailgun(service.url, mailgunBody(mailgunEvent(email, 'delivered')))));
    await service.stop();
    for (const email of emails) expect(await waitingFor(email)).toEqual([]);
  });
});

describe('while Temporal is away', () => {
  let server: TestTemporal;
  beforeAll(async () => {
    server = await startTestTemporal();
  });
  afterAll(() => server.drop());

  it('webhooks are stored and answered, signals are left to the dispatcher, and later ones flow when it is back', async () => {
    const temporal = await createTestNamespace(server.address);
    const [during, after] = [await sentEmail(), await sentEmail()];
    for (const email of [during, after]) await startWorkflow(temporal, email);
    await server.kill();

    const env = { databaseUrl: database.url, temporalAddress: server.address, namespace: temporal.namespace };
    const service = await startTestWebhooks(env);
    const deliver = async (email: TestEmail) =>
      (await postMailgun(service.url, mailgunBody(mailgunEvent(email, 'delivered')))).status;
    expect(await deliver(during)).toBe(200);
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
    expect(await waitingFor(during)).toEqual(['delivered']);

    await server.start();
    // A connection that was being made while it was away may still fail: then the next webhook makes one.
    const nextIsTold = async () => {
      expect(await deliver(after)).toBe(200);
      return (await signalsIn(temporal, after)).length > 0;
    };
    await expect.poll(nextIsTold).toBe(true);
    await expect.poll(() => waitingFor(after)).toEqual([]);

    await service.stop();
    await temporal.drop();
  });
});

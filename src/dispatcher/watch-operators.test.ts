import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { createTestNamespace, type TestNamespace } from '../../test/support/temporal.js';
import { until } from '../../test/support/until.js';
import { listActs } from '../domain/audit/listed.js';
import { workflowIdOf } from '../temporal/names.js';
import { startWorkflow } from './start.js';
import { createOperatorWatch } from './watch-operators.js';

let database: TestDatabase;
let temporal: TestNamespace;
beforeAll(async () => {
  [database, temporal] = await Promise.all([createTestDatabase(), createTestNamespace()]);
});
afterAll(async () => {
  await temporal?.drop();
  await database?.drop();
});

it('workflows terminated in Temporal are listed once, with the reason, whoever looks; others are not, nor what gives way to a next generation', async () => {
  const { db } = database;
  const [ended, running] = [crypto.randomUUID(), crypto.randomUUID()];
  for (const emailId of [ended, running]) {
    await startWorkflow(temporal.client, 'medium', { emailId, clientId: 'c', generation: 1 });
  }
  await startWorkflow(temporal.client, 'medium', { emailId: running, clientId: 'c', generation: 2 });
  const gaveWay = async () => {
    for await (const run of temporal.client.workflow.list({ query: "ExecutionStatus = 'Terminated'" })) {
      if (run.workflowId === workflowIdOf(running)) return true;
    }
    return false;
  };
  await until('the former generation is listed as ended', gaveWay);
  await temporal.client.workflow.getHandle(workflowIdOf(ended)).terminate('a wrong template');
  const watch = () => createOperatorWatch({ db, client: temporal.client, logger: pino({ level: 'silent' }) });
  const first = watch();
  const acts = () => listActs(db, {}, { limit: 10 });
  await until('it is listed', async () => {
    await first();
    return (await acts()).length === 1;
  });
  await first();
  await watch()();
  expect(await acts()).toMatchObject([
    {
      source: 'temporal',
      client_name: null,
      action: 'email.terminate',
      target_kind: 'email',
      target_id: ended,
      reason: 'a wrong template',
    },
  ]);
});

import { afterAll, expect, it } from 'vitest';
import { assertDurable } from '../../src/postgres/durability.js';
import { createTestDatabase, insertClient } from './database.js';
import { createTestNamespace } from './temporal.js';

const cleanUp: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const drop of cleanUp) await drop();
});

it('gives every test a migrated, durable database of its own', async () => {
  const [first, second] = [await createTestDatabase(), await createTestDatabase()];
  cleanUp.push(first.drop, second.drop);
  await insertClient(first.db, { name: 'first' });
  await assertDurable(first.db);
  expect(await first.db.selectFrom('clients').select('name').execute()).toEqual([{ name: 'first' }]);
  expect(await second.db.selectFrom('clients').select('name').execute()).toEqual([]);
});

it('gives every test a Temporal namespace of its own that knows our search attributes', async () => {
  const [first, second] = [await createTestNamespace(), await createTestNamespace()];
  cleanUp.push(first.drop, second.drop);
  const start = {
    taskQueue: 'nobody',
    workflowId: 'same-id',
    searchAttributes: { EmailPriority: ['low'], ClientId: ['c'], EmailStatus: ['dead'] },
  };
  await first.client.workflow.start('email', start);
  await second.client.workflow.start('email', start);
  const found = async () => {
    const ids: string[] = [];
    for await (const run of first.client.workflow.list({ query: `EmailPriority = 'low'` })) ids.push(run.workflowId);
    return ids;
  };
  await expect.poll(found).toEqual(['same-id']);
});

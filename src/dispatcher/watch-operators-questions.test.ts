import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { createTestNamespace, type TestNamespace } from '../../test/support/temporal.js';
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

const watchBy = (client: Client) => createOperatorWatch({ db: database.db, client, logger: pino({ level: 'silent' }) });

it('of any number of paused workflows a look lists so many, and has an end', async () => {
  let listed = 0;
  async function* list({ query }: { readonly query: string }) {
    const now = new Date();
    while (query.includes('TemporalPauseInfo') && listed < 5_000) {
      listed++;
      yield { workflowId: 'of-somebody-else', runId: crypto.randomUUID(), startTime: now } as WorkflowExecutionInfo;
    }
  }
  const client = Object.create(temporal.client, { workflow: { value: { list } } });
  await watchBy(client)();
  expect(listed).toBe(2_000);
});

it('of many that were ended at once all are looked at, and Temporal lists them once', async () => {
  const asked: string[] = [];
  const runs = Array.from({ length: 450 }, (_, n) => ({
    ...{ workflowId: 'of-somebody-else', runId: crypto.randomUUID(), closeTime: new Date(Date.now() - n) },
  }));
  async function* list({ query }: { readonly query: string }) {
    asked.push(query);
    if (query.includes('Terminated')) yield* runs as unknown as WorkflowExecutionInfo[];
  }
  const watch = watchBy(Object.create(temporal.client, { workflow: { value: { list } } }));
  const more: boolean[] = [];
  const listings: number[] = [];
  for (let look = 0; look < 4; look++) {
    more.push(await watch());
    listings.push(asked.filter((query) => query.includes('Terminated')).length);
  }
  expect(more).toEqual([true, true, false, false]);
  expect(listings).toEqual([1, 1, 1, 2]);
});

// What PostgreSQL makes of other questions reads all workflows there are, each time: decision 81.
it('Temporal is asked only what an index of its own answers', async () => {
  const asked: string[] = [];
  async function* list({ query }: { readonly query: string }) {
    asked.push(query);
    yield* [];
  }
  await watchBy(Object.create(temporal.client, { workflow: { value: { list } } }))();
  expect(asked).toHaveLength(5);
  for (const query of asked) {
    expect(query).toMatch(/^WorkflowType = 'email' AND (ExecutionStatus|TemporalChangeVersion) = '[\w-]+'/);
    expect(query).not.toMatch(/ OR | IS (NOT )?NULL|!=/i);
  }
});

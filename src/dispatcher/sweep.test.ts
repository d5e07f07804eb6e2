import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { keepLines } from '../../test/support/monitoring/log-lines.js';
import { createTestNamespace, type TestNamespace } from '../../test/support/temporal.js';
import { SHIPPED_STATUSES } from '../domain/emails/statuses.js';
import { beginRecovery } from '../domain/recovery/recoveries.js';
import { workflowIdOf } from '../temporal/names.js';
import { startWorkflow } from './start.js';
import { sweep } from './sweep.js';

let database: TestDatabase;
let temporal: TestNamespace;
beforeAll(async () => {
  [database, temporal] = await Promise.all([createTestDatabase(), createTestNamespace()]);
});
afterAll(async () => {
  await temporal?.drop();
  await database?.drop();
});

it('puts back an e-mail whose workflow was lost, but not while a recovery goes on', async () => {
  const { db } = database;
  await insertQueuedEmail(db, { state: 'in_flight' });
  await db
    .updateTable('email_queue')
    .set({ check_at: new Date(0), dispatched_at: new Date(0) })
    .execute();
  await beginRecovery(db, { source: 'cli' }, null);
  const logger = pino({ level: 'silent' });
  const look = () => sweep({ db, client: temporal.client, catalogue: SHIPPED_STATUSES, logger, againAfterMs: 60_000 });
  const states = () => db.selectFrom('email_queue').select('state').execute();
  expect(await look()).toEqual({ looked: 0, full: false });
  expect(await states()).toEqual([{ state: 'in_flight' }]);
  await db.updateTable('recoveries').set({ finished_at: new Date() }).execute();
  expect(await look()).toEqual({ looked: 1, full: false });
  expect(await states()).toEqual([{ state: 'waiting' }]);
});

it('tells in the log what became of an e-mail whose workflow was terminated', async () => {
  const { db } = database;
  const emailId = await insertQueuedEmail(db, { state: 'in_flight' });
  await startWorkflow(temporal.client, 'medium', { emailId, clientId: randomUUID(), generation: 1 });
  await temporal.client.workflow.getHandle(workflowIdOf(emailId)).terminate('not this one');
  await db
    .updateTable('email_queue')
    .set({ check_at: new Date(0) })
    .where('email_id', '=', emailId)
    .execute();
  const { logger, lines } = keepLines();
  await sweep({ db, client: temporal.client, catalogue: SHIPPED_STATUSES, logger, againAfterMs: 60_000 });
  expect(lines.filter(({ msg }) => msg === 'outcome')).toMatchObject([
    { emailId, generation: 1, kind: 'ended', status: 'dead', code: 'stopped_in_temporal' },
  ]);
});

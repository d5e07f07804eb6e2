import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { createTestNamespace, type TestNamespace } from '../../test/support/temporal.js';
import { workflowIdOf } from '../temporal/names.js';
import { startWorkflow } from './start.js';
import { finishUploads } from './sweep.js';

let database: TestDatabase;
let temporal: TestNamespace;
beforeAll(async () => {
  [database, temporal] = await Promise.all([createTestDatabase(), createTestNamespace()]);
});
afterAll(async () => {
  await temporal?.drop();
  await database?.drop();
});

/** An e-mail with its attachment in the spool. */
async function insertSpooled(options: { ended: boolean }): Promise<string> {
  const { db } = database;
  const emailId = await insertQueuedEmail(db, { state: 'handed_over' });
  await sql`insert into attachments (email_id, filename, content_type, size_bytes, sha256)
    values (${emailId}, 'a.txt', 'text/plain', 1, 'x')`.execute(db);
  await db
    .insertInto('attachment_chunks')
    .values({ email_id: emailId, seq: 0, data: Buffer.from('x') })
    .execute();
  if (options.ended) await db.deleteFrom('email_queue').where('email_id', '=', emailId).execute();
  return emailId;
}

const runs = async (emailId: string) => {
  const ids: string[] = [];
  for await (const run of temporal.client.workflow.list({ query: `WorkflowId = '${workflowIdOf(emailId)}'` })) {
    ids.push(run.runId);
  }
  return ids;
};

it('starts the workflow of an ended e-mail whose upload was lost, and leaves alone what is on its way', async () => {
  const { db } = database;
  const [lost, uploading, queued] = [
    await insertSpooled({ ended: true }),
    await insertSpooled({ ended: true }),
    await insertSpooled({ ended: false }),
  ];
  await startWorkflow(temporal.client, 'medium', { emailId: uploading, clientId: 'c', generation: 1 });
  const dependencies = { db, client: temporal.client, logger: pino({ level: 'silent' }) };

  await finishUploads({ ...dependencies, againAfterMs: 60_000 });
  expect(await runs(lost), 'too young to be lost').toEqual([]);

  await finishUploads({ ...dependencies, againAfterMs: 0 });
  await expect.poll(() => runs(lost)).toHaveLength(1);
  await expect.poll(() => runs(uploading)).toHaveLength(1);
  expect(await runs(queued)).toEqual([]);

  await finishUploads({ ...dependencies, againAfterMs: 0 });
  expect(await runs(lost)).toHaveLength(1);
});

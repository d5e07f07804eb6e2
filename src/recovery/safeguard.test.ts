import { sql } from 'kysely';
import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { createTestNamespace, type TestNamespace } from '../../test/support/temporal.js';
import { until } from '../../test/support/until.js';
import { idDigest } from '../domain/personal-data/id-digest.js';
import { recordLacking } from '../domain/recovery/lacking.js';
import { beginRecovery, openRecovery } from '../domain/recovery/recoveries.js';
import { guardAgainstOlderRecord } from './safeguard.js';

let database: TestDatabase;
let temporal: TestNamespace;
beforeAll(async () => {
  [database, temporal] = await Promise.all([createTestDatabase(), createTestNamespace()]);
});
afterAll(async () => {
  await temporal?.drop();
  await database?.drop();
});

const logger = pino({ level: 'silent' });
const guard = (client = temporal.client) => guardAgainstOlderRecord({ db: database.db, client, logger }, 'atStart');

/** An id as an e-mail gets it, of none that the record has. */
const newId = async () => (await sql<{ id: string }>`select uuidv7() as id`.execute(database.db)).rows[0]!.id;

/** Starts a workflow that nobody runs, and waits until the index of workflows has it. */
async function startWorkflow(emailId: string): Promise<void> {
  const workflowId = `email-${emailId}`;
  await temporal.client.workflow.start('email', { workflowId, taskQueue: 'email-low', args: [{ emailId }] });
  await until('the index has it', async () => {
    for await (const each of temporal.client.workflow.list()) if (each.workflowId === workflowId) return true;
    return false;
  });
}

it('lets a record go on that knows what Temporal knows, and one that Temporal cannot be asked about', async () => {
  await startWorkflow(await insertQueuedEmail(database.db));
  expect(await guard()).toBe(false);
  // Of a month that was dropped.
  await startWorkflow('018c0000-0000-7000-8000-000000000001');
  expect(await guard()).toBe(false);
  const forgotten = await newId();
  await database.db
    .insertInto('forgotten_emails')
    .values({ id_digest: idDigest(sql.val(forgotten)) })
    .execute();
  await startWorkflow(forgotten);
  expect(await guard()).toBe(false);
  // The retention of a client has passed it.
  const removed = await newId();
  const walk = { client_id: removed, what: 'record', past_id: removed } as const;
  await database.db.insertInto('retention_walks').values(walk).execute();
  await startWorkflow(removed);
  expect(await guard()).toBe(false);
  const away = { workflow: { list: () => { throw new Error('away'); } } } as never; // biome-ignore format: one line
  expect(await guard(away)).toBe(false);
  expect(await openRecovery(database.db)).toBeUndefined();
});

it('begins a recovery for a record that is older than Temporal, once, and not again for what was listed', async () => {
  const emailId = await newId();
  await startWorkflow(emailId);
  expect([await guard(), await guard()]).toEqual([true, true]);
  const recovery = (await openRecovery(database.db))!;
  expect(recovery).toMatchObject({ begunBy: 'safeguard', restoredTo: null, temporal: null });
  const holds = await database.db.selectFrom('holds').select(['listed', 'released_at']).execute();
  expect(holds).toEqual([{ listed: false, released_at: null }]);

  const remains = { source: 'temporal', evidence: 'absent', provider: null, priority: null, clientId: null } as const;
  await recordLacking(database.db, recovery.id, [{ emailId, ...remains }]);
  await database.db.updateTable('recoveries').set({ finished_at: new Date() }).execute();
  expect(await guard()).toBe(false);
});

it('leaves alone what was started before a recovery that was finished without Temporal, and sees what is new', async () => {
  await startWorkflow(await newId());
  const restored = { to: new Date(Date.now() - 60_000), temporal: 'lost' } as const;
  await beginRecovery(database.db, { source: 'cli' }, restored);
  await database.db.updateTable('recoveries').set({ finished_at: new Date() }).execute();
  expect(await guard()).toBe(false);
  await startWorkflow(await newId());
  expect(await guard()).toBe(true);
});

it('sees beneath a running process what more has been started since than it looks at', async () => {
  await database.db.updateTable('recoveries').set({ begun_at: new Date(), finished_at: new Date() }).execute();
  const looked = {};
  const look = () => guardAgainstOlderRecord({ ...database, client: temporal.client, logger }, 'meanwhile', looked);
  const lost = await newId();
  await database.db
    .insertInto('forgotten_emails')
    .values({ id_digest: idDigest(sql.val(lost)) })
    .execute();
  await startWorkflow(lost);
  expect(await look()).toBe(false);
  // Restored: the record does not have it any more.
  await database.db
    .deleteFrom('forgotten_emails')
    .where('id_digest', '=', idDigest(sql.val(lost)))
    .execute();
  const newer = await Promise.all(Array.from({ length: 101 }, newId));
  await database.db
    .insertInto('forgotten_emails')
    .values(newer.map((id) => ({ id_digest: idDigest(sql.val(id)) })))
    .execute();
  await Promise.all(newer.map(startWorkflow));
  expect(await look()).toBe(true);
});

it('forgets what it saw before a recovery that was finished without Temporal', async () => {
  await database.db.updateTable('recoveries').set({ begun_at: new Date(), finished_at: new Date() }).execute();
  const looked = {};
  const look = () => guardAgainstOlderRecord({ ...database, client: temporal.client, logger }, 'meanwhile', looked);
  const lost = await newId();
  const digest = idDigest(sql.val(lost));
  await database.db.insertInto('forgotten_emails').values({ id_digest: digest }).execute();
  await startWorkflow(lost);
  expect(await look()).toBe(false);
  await database.db.deleteFrom('forgotten_emails').where('id_digest', '=', digest).execute();
  await beginRecovery(database.db, { source: 'cli' }, { to: new Date(Date.now() - 60_000), temporal: 'lost' });
  await database.db.updateTable('recoveries').set({ finished_at: new Date() }).execute();
  expect(await look()).toBe(false);
});

import { sql } from 'kysely';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { until } from '../../../test/support/until.js';
import type { Priority } from '../../priority.js';
import { type ClaimedEmail, dispatchBatch } from './queue.js';

let database: TestDatabase;
beforeEach(async () => {
  await database?.drop();
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const startAll = async (emails: readonly ClaimedEmail[]) => emails.map((email) => email.emailId);
const dispatch = async (
  start: (emails: readonly ClaimedEmail[]) => Promise<readonly string[]> = startAll,
  { priority = 'low' }: { readonly priority?: Priority } = {},
) => {
  const options = { limit: 100, providers: ['mailgun', 'mandrill'], checkAfterMs: 60_000 } as const;
  const batch = await dispatchBatch(database.db, priority, options, start);
  return { ...batch, started: batch.started.length };
};
const states = async () =>
  (await database.db.selectFrom('email_queue').select('state').orderBy('due_at').execute()).map((row) => row.state);

describe('a claim', () => {
  it('frees what it claimed when it fails', async () => {
    await insertQueuedEmail(database.db, { priority: 'low' });
    const failing = dispatch(async () => {
      throw new Error('Temporal is down');
    });
    await expect(failing).rejects.toThrow('Temporal is down');
    expect(await states()).toEqual(['waiting']);
  });

  it('frees what a dispatcher had claimed that died in the middle', async () => {
    const id = await insertQueuedEmail(database.db, { priority: 'low' });
    const dying = dispatch(async () => {
      await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and state = 'idle in transaction'`.execute(database.db);
      return [id];
    });
    await expect(dying).rejects.toThrow();
    expect(await dispatch()).toMatchObject({ started: 1 });
  });

  it('of critical is free for another dispatcher when the first one froze in the middle', async () => {
    await insertQueuedEmail(database.db, { priority: 'critical' });
    let wake: (() => void) | undefined;
    const frozen = dispatch(
      () =>
        new Promise((resolve) => {
          wake = () => resolve([]);
        }),
      { priority: 'critical' },
    );
    await until('the first one has claimed it', () => wake !== undefined);
    const end = expect(frozen).rejects.toThrow();
    await until('another one gets the priority', async () => {
      return (await dispatch(startAll, { priority: 'critical' })).started === 1;
    });
    wake?.();
    await end;
  });

  it('of critical is given up sooner than others when nothing is heard of the dispatcher', async () => {
    await sql`create table silences (priority text, allowed text)`.execute(database.db);
    await sql`create function note() returns trigger language plpgsql as $$ begin
      insert into silences values (new.priority, current_setting('idle_in_transaction_session_timeout'));
      return new; end $$`.execute(database.db);
    await sql`create trigger note before update on email_queue for each row execute function note()`.execute(
      database.db,
    );
    for (const priority of ['critical', 'low'] as const) {
      await insertQueuedEmail(database.db, { priority });
      expect(await dispatch(startAll, { priority })).toMatchObject({ started: 1 });
    }
    const { rows } = await sql`select priority, allowed from silences`.execute(database.db);
    expect(rows).toEqual([
      { priority: 'critical', allowed: '4s' },
      { priority: 'low', allowed: '10s' },
    ]);
  });
});

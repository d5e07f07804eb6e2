import { type Kysely, sql } from 'kysely';
import type { Accepted } from '../src/postgres/contract.js';

/** The queue has rows of what is not over yet, narrow ones: a day's mail is read in a second. */
export const accepts: readonly Accepted[] = [
  { statement: 'email_queue_state_check', because: 'one state more is allowed, and none less' },
  { statement: 'index email_queue_held', because: 'no row has that state yet, so the index is empty when it is made' },
];

/** Mail can be held by client, sender domain, receiver domain or tag: it waits in a state of its own. */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  await run(`create table holds (
    id uuid primary key default uuidv7(),
    client_id uuid,
    sender_domain text,
    receiver_domain text,
    tag text,
    priority text check (priority in ('critical', 'medium', 'low')),
    reject boolean not null default false,
    reason text not null,
    created_at timestamptz not null default clock_timestamp(),
    released_at timestamptz,
    check (num_nonnulls(client_id, sender_domain, receiver_domain, tag) > 0)
  )`);
  await run('create index holds_active on holds (created_at) where released_at is null');

  await run(`alter table email_queue
    drop constraint email_queue_state_check,
    add constraint email_queue_state_check
      check (state in ('waiting', 'held', 'in_flight', 'backing_off', 'awaiting_provider', 'handed_over')),
    add column hold_id uuid`);
  await run(`create index email_queue_held on email_queue (hold_id, due_at) where state = 'held'`);
}

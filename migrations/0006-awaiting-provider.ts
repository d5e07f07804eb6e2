import { type Kysely, sql } from 'kysely';
import type { Accepted } from '../src/postgres/contract.js';

/** The queue has rows of what is not over yet, narrow ones: a day's mail is read in a second. */
export const accepts: readonly Accepted[] = [
  { statement: 'email_queue_state_check', because: 'one state more is allowed, and none less' },
  {
    statement: 'index email_queue_awaiting',
    because: 'no row has that state yet, so the index is empty when it is made',
  },
];

/** E-mails that wait for a provider give up their place in flight; breakers are probed without an e-mail. */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  await run(`alter table email_queue
    drop constraint email_queue_state_check,
    add constraint email_queue_state_check
      check (state in ('waiting', 'in_flight', 'backing_off', 'awaiting_provider', 'handed_over')),
    add column providers text[],
    add column ready_at timestamptz`);
  await run(`create index email_queue_awaiting on email_queue (priority, due_at) where state = 'awaiting_provider'`);

  await run(`alter table provider_health
    add column failed_at timestamptz,
    add column probed_at timestamptz,
    add column hold_until timestamptz not null default '-infinity',
    add column trial_at timestamptz`);
  await run(`update provider_health set trial_at = probe_at`);
}

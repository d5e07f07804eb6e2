import { type Kysely, sql } from 'kysely';

/** What code has to know of a status stands in its row, so that a new one needs no change of code. */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  await run(`alter table statuses
    add column signal text check (signal in ('delivered', 'opened', 'over')),
    add column trouble boolean not null default false,
    add column retryable boolean not null default false,
    add column told boolean not null default false,
    add column unheard boolean not null default false,
    add column provider_events text[] not null default '{}'`);
  // A row that somebody has added is treated as it was: what is final had ended the workflow.
  await run(`update statuses set
    signal = case when name = 'delivered' then 'delivered' when name in ('opened', 'clicked') then 'opened'
      when final then 'over' end,
    trouble = name in ('failed', 'dead', 'suppressed', 'bounced', 'complained'),
    retryable = name in ('failed', 'dead', 'suppressed', 'bounced'),
    told = name in ('failed', 'dead', 'bounced'),
    unheard = name in ('sent', 'deferred')`);
  // What may have arrived must not be sent again, and an e-mail's workflow hears of every end.
  await run(`alter table statuses
    add constraint statuses_retryable check (not retryable or (final and not survives)),
    add constraint statuses_signal check (final = (signal is not null)),
    add constraint statuses_unheard check (not (unheard and final))`);
}

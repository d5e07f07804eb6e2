import { type Kysely, sql } from 'kysely';

/** Searches of a provider that limits them, in windows over all processes. */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  await run(`alter table provider_health add column next_look_up_at timestamptz not null default '-infinity'`);

  // What waits for the next search. No foreign key: it goes with the next turn, whatever became of the e-mail.
  await run(`create table look_ups (
    email_id uuid not null,
    generation smallint not null,
    attempt smallint not null,
    provider text not null,
    decide_at timestamptz not null,
    primary key (email_id, generation, attempt)
  )`);
  await run(`create index look_ups_urgent on look_ups (provider, decide_at)`);
}

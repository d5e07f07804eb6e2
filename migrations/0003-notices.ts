import { type Kysely, sql } from 'kysely';

/** What telling senders of failures needs, and what dead letters are looked for by. */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  // The e-mail a failure notice is about: a notice never causes another one. For a digest, the newest of them.
  await run(`alter table emails add column notice_for uuid`);
  await run(`alter table failure_notices add column untold_ids uuid[] not null default '{}'`);

  // One row, written by the dispatcher from its configuration: failures are recorded by workers, webhooks services and
  // dispatchers alike, and what the sender reads must not depend on which. Without the row nobody is told.
  await run(`create table notice_policy (
    only_row boolean primary key default true check (only_row),
    sender text not null,
    per_hour integer not null,
    deadline_ms integer not null
  )`);

  // The provider of the last attempt.
  await run(`alter table dead_emails add column provider text`);
}

import { type Kysely, sql } from 'kysely';

/**
 * Retention: how long a client's contents and records are kept, how far their removal has come, and which e-mails it has
 * to look at once more. Null, and no byte, with an e-mail whose content is there.
 */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  await run('alter table emails add column content_removed_at timestamptz');
  await run('alter table attachments add column removed_at timestamptz');
  // Null: as configured. 0: for good.
  await run(`alter table clients
    add column content_days integer check (content_days between 0 and 36500),
    add column record_days integer check (record_days between 0 and 36500)`);
  await run(`create table retention_walks (
    client_id uuid not null,
    what text not null check (what in ('content', 'record')),
    past_id uuid not null default '00000000-0000-0000-0000-000000000000',
    removed bigint not null default 0,
    primary key (client_id, what)
  )`);
  await run(`create table retention_deferred (
    email_id uuid not null,
    what text not null check (what in ('content', 'record')),
    client_id uuid not null,
    look_at timestamptz not null,
    primary key (email_id, what)
  )`);
  await run('create index retention_deferred_due on retention_deferred (client_id, what, look_at)');
}

import { type Kysely, sql } from 'kysely';

/** Who did what: a row for each change that somebody made, written in the change's own transaction. */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  // Names as they were at that time: keys and clients may be renamed or go, what they did stays.
  await run(`create table audit_log (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    source text not null,
    client_id uuid,
    client_name text,
    key_id uuid,
    key_name text,
    role text,
    address text,
    request_id uuid,
    action text not null,
    target_kind text not null,
    target_id text not null,
    before jsonb,
    after jsonb,
    reason text,
    event_key text unique
  )`);
  await run('create index audit_log_target on audit_log (target_id, target_kind, id)');
  // Entries of a client's list, by the entry alone.
  await run(`create index audit_log_entry on audit_log (split_part(target_id, ' ', 2))
    where target_kind in ('sender', 'suppression')`);
  await run('create index audit_log_at on audit_log (at)');
}

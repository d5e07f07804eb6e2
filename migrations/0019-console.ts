import { type Kysely, sql } from 'kysely';

/** The console: who is signed in, addresses that sign in once, and samples of how it stood. */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  // A key that goes takes its sessions along; one that is revoked ends them, because each request looks at it.
  await run(`create table sessions (
    token_hash bytea primary key,
    key_id uuid not null references api_keys (id) on delete cascade,
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    expires_at timestamptz not null
  )`);
  await run('create index sessions_by_key on sessions (key_id, created_at)');
  await run(`create table sign_in_links (
    token_hash bytea primary key,
    key_id uuid not null references api_keys (id) on delete cascade,
    expires_at timestamptz not null
  )`);
  await run(`create table samples (
    at timestamptz primary key,
    sample jsonb not null
  )`);
}

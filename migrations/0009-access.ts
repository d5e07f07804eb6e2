import { type Kysely, sql } from 'kysely';

/**
 * What a key may do, from where and until when; and as whom a client may send. What was there goes on as it was: every
 * default is what the release before means by a row that it writes.
 */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  // `operator` stays for the release before, and is true of administrators only: a viewer's key is no operator's there.
  await run(`alter table api_keys
    add column name text,
    add column role text check (role in ('viewer', 'operator', 'admin')),
    add column scopes text[] not null default '{send,read,suppressions}'
      check (scopes <@ array['send', 'read', 'content', 'suppressions', 'admin']),
    add column allowed_addresses text[] not null default '{}',
    add column expires_at timestamptz,
    add column last_used_at timestamptz,
    add column replaced_by uuid`);
  await run(`update api_keys set role = 'admin' where operator`);
  await run(`update api_keys set name = 'bootstrap' where bootstrap`);

  // True by default, for clients that are there or that the release before makes: nobody's mail stops at an upgrade.
  await run(`alter table clients add column any_sender boolean not null default true`);
  await run(`create table client_senders (
    client_id uuid not null references clients (id),
    sender text not null,
    created_at timestamptz not null default now(),
    primary key (client_id, sender)
  )`);
}

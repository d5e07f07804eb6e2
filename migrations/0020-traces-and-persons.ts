import { type Kysely, sql } from 'kysely';
import { createResentIndex } from '../src/domain/personal-data/resent-index.js';

/**
 * The span under which an e-mail was accepted (W3C Trace Context) is kept with it: null, and no byte, while traces are
 * off. Persons can be forgotten: their suppressions stay under a pseudonym, their attachments leave the object store.
 */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  await run('alter table emails add column traceparent text');
  await run(`create table forgotten_key (
    only_row boolean primary key default true check (only_row),
    key bytea not null
  )`);
  await run(`insert into forgotten_key (key)
    select sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))`);
  await run(`create table object_removals (
    storage_path text primary key,
    asked_at timestamptz not null default clock_timestamp(),
    try_at timestamptz not null default clock_timestamp()
  )`);
  await run('create index object_removals_due on object_removals (try_at)');
  await createResentIndex(db);
}

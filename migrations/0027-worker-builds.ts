import { type Kysely, sql } from 'kysely';

/** Which builds of the workers run, where e-mails are to begin, and what Temporal does of it. */
export async function up(db: Kysely<any>): Promise<void> {
  // The release before leaves it out: a worker without a build.
  await sql`alter table process_heartbeats add column build_id text`.execute(db);
  // What operators want, and what a dispatcher last saw in Temporal. `changed_at` is null until somebody has wanted
  // something: until then Temporal's routing is left alone.
  await sql`create table worker_routing (
    only_row boolean primary key default true check (only_row),
    current_build text,
    previous_build text,
    ramping_build text,
    ramping_percent real,
    reason text,
    changed_at timestamptz,
    seen_current text,
    seen_ramping text,
    seen_percent real,
    seen_at timestamptz
  )`.execute(db);
  await sql`insert into worker_routing default values`.execute(db);
  // As last seen. An empty build is the workers without one.
  await sql`create table worker_builds (
    build_id text not null,
    priority text not null,
    pinned integer not null,
    share real not null,
    primary key (build_id, priority)
  )`.execute(db);
  await sql`create table retired_builds (
    build_id text primary key,
    retired_at timestamptz not null default now()
  )`.execute(db);
}

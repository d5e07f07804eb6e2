import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<any>): Promise<void> {
  await createHeartbeats(db);
  // How long a workflow has not been told; `try_at` moves with each try.
  await sql`alter table pending_signals add column enqueued_at timestamptz not null default now()`.execute(db);
}

/**
 * Which processes run. Unlogged: written every few seconds, and after a crash of the server written anew as soon. Half
 * of each page is left free and nothing that changes is indexed, so that a beat leaves nothing to a vacuum of indexes.
 */
async function createHeartbeats(db: Kysely<any>): Promise<void> {
  await sql`create unlogged table process_heartbeats (
    id uuid primary key,
    process text not null,
    priority text,
    host text not null,
    pid integer not null,
    version text not null,
    started_at timestamptz not null default clock_timestamp(),
    beat_at timestamptz not null,
    polling boolean,
    slots_used integer,
    slots integer,
    last_task_at timestamptz
  ) with (fillfactor = 50)`.execute(db);
}

import { type Kysely, sql } from 'kysely';

/** Background jobs of operators: what each is to do, item by item, and what became of it. */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  await run(`create table jobs (
    id uuid primary key default uuidv7(),
    kind text not null,
    parameters jsonb not null,
    reason text not null,
    rate_per_s integer not null check (rate_per_s > 0),
    state text not null default 'planning' check (state in ('planning', 'running', 'stopped', 'done', 'failed')),
    cursor jsonb,
    planned_at timestamptz,
    matched integer not null default 0,
    counts jsonb,
    code text,
    workflow_started_at timestamptz,
    progressed_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz
  )`);
  await run(`create index jobs_active on jobs (created_at) where state in ('planning', 'running')`);

  await run(`create table job_items (
    job_id uuid not null references jobs (id),
    number integer not null,
    target text not null,
    generation integer,
    state text not null default 'pending' check (state in ('pending', 'done', 'skipped', 'failed')),
    code text,
    done_at timestamptz,
    primary key (job_id, number)
  )`);
  // An item that is listed twice is done once.
  await run('create unique index job_items_target on job_items (job_id, target)');
  await run(`create index job_items_pending on job_items (job_id, number) where state = 'pending'`);
}

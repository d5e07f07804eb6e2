import { type Kysely, sql } from 'kysely';
import { ensurePartitions, linkLeaves } from '../src/postgres/partitions.js';

/** The statuses of the first release. Later ones change them by migrations of their own. */
const STATUSES = [
  ['scheduled', 0, 10, false, false, 'accepted; waits for its scheduled time'],
  ['queued', 5, 20, false, false, 'accepted; waits to be dispatched'],
  ['sending', 10, 60, false, false, 'an attempt is under way'],
  ['unconfirmed', 20, 50, false, false, 'an attempt is ambiguous: the provider may or may not have taken it'],
  ['retrying', 30, 40, false, false, 'no provider took it yet; we are backing off'],
  ['sent', 40, 160, true, false, 'a provider has taken it'],
  ['deferred', 50, 150, true, false, 'the provider is trying again to deliver it'],
  ['failed', 60, 120, false, true, 'permanently refused; not sent'],
  ['delivered', 70, 170, true, true, 'the receiving server took it'],
  ['opened', 80, 180, true, true, 'the receiver opened it'],
  ['clicked', 85, 190, true, true, 'the receiver followed a link in it'],
  ['bounced', 90, 140, false, true, 'the receiving server refused it'],
  ['complained', 95, 200, true, true, 'the receiver called it spam'],
  ['suppressed', 96, 125, false, true, 'not sent: the address is suppressed'],
  ['cancelled', 97, 130, false, true, 'cancelled before it was handed over'],
  ['dead', 98, 110, false, true, 'past its retries; in the dead letter store'],
] as const;

/** The record: everything an e-mail is and everything that happened to it. `docs/data.md` explains each table. */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  await run(`create table clients (
    id uuid primary key default uuidv7(),
    name text not null unique,
    created_at timestamptz not null default now(),
    disabled_at timestamptz
  )`);

  await run(`create table api_keys (
    id uuid primary key default uuidv7(),
    client_id uuid not null references clients (id),
    key_hash bytea not null unique,
    prefix text not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
  )`);

  await run(`create table statuses (
    name text primary key,
    rank smallint not null,
    preference smallint not null,
    survives boolean not null,
    final boolean not null,
    description text not null
  )`);
  await db
    .insertInto('statuses')
    .values(
      STATUSES.map(([name, rank, preference, survives, final, description]) => ({
        name,
        rank,
        preference,
        survives,
        final,
        description,
      })),
    )
    .execute();

  await run(`create table emails (
    id uuid not null primary key,
    client_id uuid not null,
    priority text not null check (priority in ('critical', 'medium', 'low')),
    sender text not null,
    receiver text not null,
    receiver_address text not null,
    subject text not null,
    content text not null,
    content_type text not null check (content_type in ('text/plain', 'text/html')),
    reply_to text,
    metadata jsonb not null default '{}',
    tags text[] not null default '{}',
    status text not null,
    generation smallint not null default 1,
    created_at timestamptz not null,
    due_at timestamptz not null,
    deadline_at timestamptz not null,
    dispatched_at timestamptz,
    sent_at timestamptz,
    cancelled_at timestamptz,
    provider text,
    provider_message_id text,
    resend_of uuid
  ) partition by range (id)`);

  await run(`create table attachments (
    email_id uuid not null primary key,
    filename text not null,
    content_type text not null,
    size_bytes integer not null,
    sha256 text not null,
    storage_path text,
    stored_at timestamptz
  ) partition by range (email_id)`);

  await run(`create table email_events (
    email_id uuid not null,
    event_key text not null,
    type text not null,
    generation smallint not null,
    attempt smallint,
    provider text,
    provider_event_id text,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    metadata jsonb not null default '{}',
    primary key (email_id, event_key)
  ) partition by range (email_id)`);

  await run(`create table send_attempts (
    email_id uuid not null,
    generation smallint not null,
    attempt smallint not null,
    provider text not null,
    state text not null check (state in ('calling', 'ambiguous', 'accepted', 'rejected', 'refused', 'abandoned')),
    started_at timestamptz not null,
    call_until timestamptz not null,
    finished_at timestamptz,
    provider_message_id text,
    code text,
    primary key (email_id, generation, attempt)
  ) partition by range (email_id)`);
  // Never two open attempts of one generation: the database itself refuses a second call beside the first.
  await run(`create unique index send_attempts_one_open on send_attempts (email_id, generation)
    where state in ('calling', 'ambiguous')`);

  for (const table of ['emails', 'attachments', 'email_events', 'send_attempts']) {
    await run(`create table ${table}_default partition of ${table} default`);
  }
  await linkLeaves(db, 'default');
  await ensurePartitions(db);

  // Not partitioned: rows live for minutes. External storage, because attachments are mostly compressed already.
  await run(`create table attachment_chunks (
    email_id uuid not null,
    seq integer not null,
    data bytea not null,
    primary key (email_id, seq)
  )`);
  await run('alter table attachment_chunks alter column data set storage external');

  // One narrow row for each e-mail that still has something to become: the work, beside the record.
  await run(`create table email_queue (
    email_id uuid primary key,
    priority text not null,
    generation smallint not null,
    state text not null check (state in ('waiting', 'in_flight', 'backing_off', 'handed_over')),
    due_at timestamptz not null,
    dispatched_at timestamptz,
    check_at timestamptz
  ) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000)`);
  await run(`create index email_queue_waiting on email_queue (priority, due_at) where state = 'waiting'`);
  await run(`create index email_queue_busy on email_queue (priority, state, dispatched_at)
    where state in ('in_flight', 'backing_off')`);
  await run(`create index email_queue_check on email_queue (check_at) where state <> 'waiting'`);

  await run(`create table pending_signals (
    email_id uuid not null,
    kind text not null check (kind in ('delivered', 'opened', 'failed', 'evidence')),
    try_at timestamptz not null,
    primary key (email_id, kind)
  )`);
  await run('create index pending_signals_try on pending_signals (try_at)');

  await run(`create table dead_emails (
    email_id uuid not null,
    generation smallint not null,
    reason text not null,
    died_at timestamptz not null default now(),
    primary key (email_id, generation)
  )`);

  await run(`create table suppressions (
    client_id uuid not null,
    address text not null,
    reason text not null,
    email_id uuid,
    created_at timestamptz not null default now(),
    primary key (client_id, address)
  )`);

  await run(`create table idempotency_keys (
    client_id uuid not null,
    key text not null,
    request_hash bytea not null,
    email_id uuid not null,
    response jsonb not null,
    created_at timestamptz not null default now(),
    primary key (client_id, key)
  )`);
  await run('create index idempotency_keys_created on idempotency_keys using brin (created_at)');

  await run(`create table webhook_tokens (
    provider text not null,
    token text not null,
    body_hash bytea not null,
    recorded_at timestamptz not null default now(),
    primary key (provider, token)
  )`);
  await run('create index webhook_tokens_recorded on webhook_tokens using brin (recorded_at)');

  await run(`create table unmatched_webhooks (
    id uuid primary key default uuidv7(),
    provider text not null,
    reason text not null,
    body jsonb not null,
    recorded_at timestamptz not null default now()
  )`);
}

import { type Kysely, sql } from 'kysely';

/** What operators and limits need: stops, breakers, quotas, dead letters that can be retried, notices, suppressions. */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  await run(`alter table api_keys add column operator boolean not null default false`);

  await run(`alter table clients
    add column failure_notices boolean not null default true,
    add column daily_limit_critical integer not null default 10000,
    add column daily_limit_medium integer not null default 200000,
    add column daily_limit_low integer not null default 1000000`);

  // One row a client, priority and day: what has been accepted. Old days are swept.
  await run(`create table client_usage (
    client_id uuid not null,
    priority text not null,
    day date not null,
    accepted integer not null default 0,
    primary key (client_id, priority, day)
  ) with (fillfactor = 50)`);

  await run(`alter table emails add column only_provider text`);

  // One row a priority, always there: paused_at says whether we paused it, the other two what somebody did in Temporal.
  await run(`create table queue_controls (
    priority text primary key,
    paused_at timestamptz,
    reason text,
    temporal_paused_at timestamptz,
    temporal_reason text,
    changed_at timestamptz not null default now()
  )`);
  await run(`insert into queue_controls (priority) values ('critical'), ('medium'), ('low')`);

  // Times in which a priority could not be sent, whatever was to blame: they do not count against lifetimes.
  await run(`create table send_stops (
    priority text not null,
    cause text not null check (cause in ('paused', 'no_provider')),
    from_at timestamptz not null,
    until_at timestamptz,
    primary key (priority, cause, from_at)
  )`);
  await run(`create unique index send_stops_open on send_stops (priority, cause) where until_at is null`);

  await run(`create table provider_controls (
    provider text primary key,
    enabled boolean not null default true,
    forced text check (forced in ('open', 'closed')),
    rate_per_s real,
    per_day integer,
    reason text,
    changed_at timestamptz not null default now()
  )`);
  await run(`insert into provider_controls (provider) values ('mailgun'), ('mandrill'), ('smtp')`);

  // Written only when something is wrong, or a quota is set: in quiet times a send does not touch it.
  await run(`create table provider_health (
    provider text primary key,
    state text not null default 'closed' check (state in ('closed', 'open', 'half_open')),
    failures integer not null default 0,
    last_code text,
    opened_at timestamptz,
    openings integer not null default 0,
    probe_at timestamptz,
    closed_at timestamptz,
    misconfigured boolean not null default false,
    next_call_at timestamptz not null default '-infinity',
    day date,
    used_today integer not null default 0
  ) with (fillfactor = 20)`);
  await run(`insert into provider_health (provider) values ('mailgun'), ('mandrill'), ('smtp')`);

  await run(`create table sender_domain_blocks (
    provider text not null,
    domain text not null,
    until_at timestamptz not null,
    code text not null,
    primary key (provider, domain)
  )`);

  await run(`alter table dead_emails
    add column client_id uuid,
    add column priority text,
    add column code text,
    add column resolved_at timestamptz,
    add column resolution text check (resolution in ('retried', 'discarded', 'delivered'))`);
  await run(`create index dead_emails_open on dead_emails (died_at) where resolved_at is null`);

  // What a sender has been told in the current hour; past the bound only counted, for the digest.
  await run(`create table failure_notices (
    client_id uuid not null,
    sender text not null,
    window_from timestamptz not null,
    told integer not null default 0,
    untold integer not null default 0,
    primary key (client_id, sender)
  )`);

  // Rare events, counted for good: what happened to ambiguous attempts, quiet e-mails.
  await run(`create table counters (
    name text not null,
    label text not null,
    value bigint not null default 0,
    primary key (name, label)
  ) with (fillfactor = 50)`);

  // Which Temporal database we have seen behind a namespace: another id means that it was lost and made anew.
  await run(`create table temporal_namespaces (
    namespace text primary key,
    namespace_id text not null,
    seen_at timestamptz not null default now()
  )`);
}

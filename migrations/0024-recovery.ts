import { type Kysely, sql } from 'kysely';
import type { Accepted } from '../src/postgres/contract.js';

export const accepts: readonly Accepted[] = [
  {
    statement: 'drop constraint holds_check',
    because: 'it is replaced by a wider one: a hold with terms passes as before, and there are a hundred rows at most',
  },
];

/**
 * After a restore to an earlier point nothing is sent until evidence was sought of what had been sent since. What is kept
 * back meanwhile, and what stays unknown afterwards, is held by holds of their own kind.
 */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  await run(`create table recoveries (
    id uuid primary key default uuidv7(),
    begun_at timestamptz not null default clock_timestamp(),
    begun_by text not null check (begun_by in ('operator', 'safeguard')),
    restored_to timestamptz,
    temporal text check (temporal in ('intact', 'doubtful', 'lost')),
    sought_at timestamptz,
    finished_at timestamptz
  )`);
  await run('create unique index recoveries_open on recoveries ((true)) where finished_at is null');

  await run(`create table recovery_items (
    recovery_id uuid not null references recoveries on delete cascade,
    email_id uuid not null,
    verdict text not null check (verdict in ('sent', 'unsent', 'unknown', 'lacking')),
    evidence text not null,
    provider text,
    stored boolean not null default false,
    priority text check (priority in ('critical', 'medium', 'low')),
    client_id uuid,
    judged_at timestamptz not null default clock_timestamp(),
    decision text check (decision in ('released', 'discarded')),
    decided_at timestamptz,
    primary key (email_id, recovery_id)
  )`);
  await run('create index recovery_items_listed on recovery_items (recovery_id, verdict, email_id)');

  await run(`create table forgotten_emails (
    id_digest bytea primary key,
    forgotten_at timestamptz not null default clock_timestamp()
  )`);

  await run(`alter table holds add column recovery_id uuid, add column listed boolean not null default false`);
  await run(`alter table holds drop constraint holds_check, add constraint holds_check
    check (recovery_id is not null or num_nonnulls(client_id, sender_domain, receiver_domain, tag) > 0)`);

  // As before, but that a hold of listed e-mails says nothing of others.
  await run(`create or replace function stopped_between(of_priority text, of_client uuid, of_tags text[], of_sender text,
      of_receiver text, from_time timestamptz, to_time timestamptz)
    returns interval language sql stable as $$
      select coalesce(sum(upper(stop) - lower(stop)), interval '0') from unnest((
        select range_agg(tstzrange(greatest(s.from_at, from_time), least(coalesce(s.until_at, to_time), to_time)))
        from (
          select from_at, until_at from send_stops where priority = of_priority and cause = 'paused'
          union all
          select h.created_at, h.released_at
          from (select lower(substring(of_sender from '@([^@<>[:space:]]+)>?[[:space:]]*$')) as sender_domain,
              substring(of_receiver from '@([^@]+)$') as receiver_domain offset 0) of
            join holds h on (h.client_id is null or h.client_id = of_client)
              and (h.priority is null or h.priority = of_priority)
              and (h.tag is null or h.tag = any(of_tags))
              and (h.sender_domain is null or h.sender_domain = of.sender_domain)
              and (h.receiver_domain is null or h.receiver_domain = of.receiver_domain)
              and not h.listed) s
        where s.from_at < to_time and coalesce(s.until_at, to_time) > from_time)) as stop
    $$`);
}

import { type Kysely, sql } from 'kysely';

/**
 * Whether e-mails were handed over by their first deadline, counted where their rows change: whichever statement of
 * whichever release hands one over, it is counted, once.
 */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  // Null while what `due_at`, `deadline_at` and `sent_at` say is the first; so they cost an ordinary e-mail nothing.
  await run(`alter table emails
    add column first_due_at timestamptz,
    add column first_deadline_at timestamptz,
    add column first_sent_at timestamptz,
    add column late_by_pause boolean`);

  await run(`create table service_levels (
    hour timestamptz not null,
    priority text not null,
    client_id uuid not null,
    shard smallint not null,
    in_time integer not null,
    late integer not null,
    late_by_pause integer not null,
    dead integer not null,
    failed integer not null,
    suppressed integer not null,
    cancelled integer not null,
    primary key (hour, priority, client_id, shard)
  ) with (fillfactor = 50)`);
  await run(`create table late_emails (
    email_id uuid primary key,
    hour timestamptz not null,
    priority text not null,
    client_id uuid not null,
    late_s real not null,
    by_pause boolean not null
  )`);
  await run(`create index late_emails_hour on late_emails (hour)`);
  await createFunctions(run);
  await createTriggers(run);
  await beginCounting(run);
}

type Run = (statement: string) => Promise<unknown>;

async function createFunctions(run: Run): Promise<void> {
  await run(`create function paused_between(of_priority text, from_time timestamptz, to_time timestamptz)
    returns interval language sql stable as $$
      select coalesce(sum(upper(stop) - lower(stop)), interval '0') from unnest((
        select range_agg(tstzrange(greatest(s.from_at, from_time), least(coalesce(s.until_at, to_time), to_time)))
        from send_stops s
        where s.priority = of_priority and s.cause = 'paused'
          and s.from_at < to_time and coalesce(s.until_at, to_time) > from_time)) as stop
    $$`);

  // What an e-mail counts as; null: neither handed over nor over. A status that was added counts by its row.
  await run(`create function service_level_of(status text, sent timestamptz, deadline timestamptz, by_pause boolean)
    returns text language plpgsql stable as $$
    begin
      if sent is not null then
        return case when sent <= deadline then 'in_time' when by_pause then 'late_by_pause' else 'late' end;
      end if;
      if status in ('dead', 'failed', 'suppressed', 'cancelled') then return status; end if;
      if status in ('scheduled', 'queued', 'sending', 'retrying', 'unconfirmed') then return null; end if;
      return case when exists (select from statuses s where s.name = status and s.final and not s.survives)
        then 'failed' end;
    end $$`);

  // An e-mail that is taken up again has another deadline; the first one stays what it is measured by.
  await run(`create function keep_first_times() returns trigger language plpgsql as $$
    begin
      if tg_op = 'UPDATE' then
        if new.deadline_at is distinct from old.deadline_at
          and not (old.status = 'scheduled' and new.generation = old.generation) then
          new.first_due_at := coalesce(old.first_due_at, old.due_at);
          new.first_deadline_at := coalesce(old.first_deadline_at, old.deadline_at);
        end if;
        if new.sent_at is null and old.sent_at is not null then
          new.first_sent_at := coalesce(old.first_sent_at, old.sent_at);
        end if;
      end if;
      if new.late_by_pause is null and new.first_sent_at is null
        and new.sent_at > coalesce(new.first_deadline_at, new.deadline_at)
        and new.sent_at - paused_between(new.priority, coalesce(new.first_due_at, new.due_at), new.sent_at)
          <= coalesce(new.first_deadline_at, new.deadline_at) then
        new.late_by_pause := true;
      end if;
      return new;
    end $$`);

  await run(`create function count_service_level() returns trigger language plpgsql as $$
    declare
      sent timestamptz := coalesce(new.first_sent_at, new.sent_at);
      deadline timestamptz := coalesce(new.first_deadline_at, new.deadline_at);
      deadline_hour timestamptz := date_trunc('hour', deadline, 'UTC');
      before text := '';
      after text := coalesce(service_level_of(new.status, sent, deadline, new.late_by_pause), '');
    begin
      if tg_op = 'UPDATE' then
        before := coalesce(service_level_of(old.status, coalesce(old.first_sent_at, old.sent_at),
          coalesce(old.first_deadline_at, old.deadline_at), old.late_by_pause), '');
      end if;
      if before = after or deadline_hour < (select counted_from from service_level_start) then return null; end if;
      insert into service_levels as s values (deadline_hour, new.priority, new.client_id,
        get_byte(uuid_send(new.id), 15) & 15,
        (after = 'in_time')::int - (before = 'in_time')::int,
        (after = 'late')::int - (before = 'late')::int,
        (after = 'late_by_pause')::int - (before = 'late_by_pause')::int,
        (after = 'dead')::int - (before = 'dead')::int,
        (after = 'failed')::int - (before = 'failed')::int,
        (after = 'suppressed')::int - (before = 'suppressed')::int,
        (after = 'cancelled')::int - (before = 'cancelled')::int)
      on conflict (hour, priority, client_id, shard) do update set
        in_time = s.in_time + excluded.in_time,
        late = s.late + excluded.late,
        late_by_pause = s.late_by_pause + excluded.late_by_pause,
        dead = s.dead + excluded.dead,
        failed = s.failed + excluded.failed,
        suppressed = s.suppressed + excluded.suppressed,
        cancelled = s.cancelled + excluded.cancelled;
      if after in ('late', 'late_by_pause') then
        insert into late_emails values (new.id, deadline_hour, new.priority, new.client_id,
          extract(epoch from sent - deadline), after = 'late_by_pause') on conflict do nothing;
      end if;
      return null;
    end $$`);
}

/** The conditions are cheap and mostly false: the counting itself runs once an e-mail. */
async function createTriggers(run: Run): Promise<void> {
  await run(`create trigger keep_first_times before update on emails for each row
    when (new.deadline_at is distinct from old.deadline_at
      or (new.sent_at is null and old.sent_at is not null)
      or (new.sent_at > coalesce(new.first_deadline_at, new.deadline_at) and old.sent_at is null))
    execute function keep_first_times()`);
  await run(`create trigger keep_first_times_of_new before insert on emails for each row
    when (new.sent_at > new.deadline_at) execute function keep_first_times()`);
  const isOver = (row: string) => `${row}.status not in ('scheduled', 'queued', 'sending', 'retrying', 'unconfirmed')`;
  // At the commit: whoever holds a counter waits for nothing any more, so that nobody can wait in a circle.
  await run(`create constraint trigger count_service_level after update on emails deferrable initially deferred
    for each row when (new.sent_at is distinct from old.sent_at
      or (new.sent_at is null and new.status is distinct from old.status and (${isOver('new')} or ${isOver('old')})))
    execute function count_service_level()`);
  await run(`create constraint trigger count_service_level_of_new after insert on emails deferrable initially deferred
    for each row when (new.sent_at is not null or ${isOver('new')}) execute function count_service_level()`);
}

/**
 * Of e-mails that are there already, those that have ended are not counted; so counting begins with an hour into which
 * no first deadline of those that were handed over falls.
 */
async function beginCounting(run: Run): Promise<void> {
  await run(`create table service_level_start (
    one_row boolean primary key default true check (one_row),
    counted_from timestamptz not null
  )`);
  await run(`insert into service_level_start (counted_from)
    select date_trunc('hour', now(), 'UTC') +
      case when exists (select from emails) then interval '25 hours' else interval '0' end`);
}

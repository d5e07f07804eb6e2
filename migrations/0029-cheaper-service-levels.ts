import { type Kysely, sql } from 'kysely';

/**
 * What is counted is as before; it takes an e-mail one statement inside the database instead of four. What a provider has
 * is not over, whatever else is known of it: the table of statuses is asked about none of these. Functions are replaced
 * in place, so that no table is held.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`create or replace function service_level_of(
      status text, sent timestamptz, deadline timestamptz, by_pause boolean)
    returns text language plpgsql stable as $$
    begin
      if sent is not null then
        return case when sent <= deadline then 'in_time' when by_pause then 'late_by_pause' else 'late' end;
      end if;
      if status in ('dead', 'failed', 'suppressed', 'cancelled') then return status; end if;
      if status in ('scheduled', 'queued', 'sending', 'retrying', 'unconfirmed',
        'sent', 'deferred', 'delivered', 'opened') then return null; end if;
      return case when exists (select from statuses s where s.name = status and s.final and not s.survives)
        then 'failed' end;
    end $$`.execute(db);
  await sql`create or replace function count_service_level() returns trigger language plpgsql as $$
    declare
      sent timestamptz := coalesce(new.first_sent_at, new.sent_at);
      deadline timestamptz := coalesce(new.first_deadline_at, new.deadline_at);
      deadline_hour timestamptz;
      before text := '';
      after text := coalesce(service_level_of(new.status, sent, deadline, new.late_by_pause), '');
    begin
      if tg_op = 'UPDATE' then
        before := coalesce(service_level_of(old.status, coalesce(old.first_sent_at, old.sent_at),
          coalesce(old.first_deadline_at, old.deadline_at), old.late_by_pause), '');
      end if;
      if before = after then return null; end if;
      deadline_hour := date_trunc('hour', deadline, 'UTC');
      insert into service_levels as s
        select deadline_hour, new.priority, new.client_id, get_byte(uuid_send(new.id), 15) & 15,
          (after = 'in_time')::int - (before = 'in_time')::int,
          (after = 'late')::int - (before = 'late')::int,
          (after = 'late_by_pause')::int - (before = 'late_by_pause')::int,
          (after = 'dead')::int - (before = 'dead')::int,
          (after = 'failed')::int - (before = 'failed')::int,
          (after = 'suppressed')::int - (before = 'suppressed')::int,
          (after = 'cancelled')::int - (before = 'cancelled')::int
        from service_level_start where deadline_hour >= counted_from
      on conflict (hour, priority, client_id, shard) do update set
        in_time = s.in_time + excluded.in_time,
        late = s.late + excluded.late,
        late_by_pause = s.late_by_pause + excluded.late_by_pause,
        dead = s.dead + excluded.dead,
        failed = s.failed + excluded.failed,
        suppressed = s.suppressed + excluded.suppressed,
        cancelled = s.cancelled + excluded.cancelled;
      if found and after in ('late', 'late_by_pause') then
        insert into late_emails values (new.id, deadline_hour, new.priority, new.client_id,
          extract(epoch from sent - deadline), after = 'late_by_pause') on conflict do nothing;
      end if;
      return null;
    end $$`.execute(db);
}

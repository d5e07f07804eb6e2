import { type Kysely, sql } from 'kysely';

/**
 * An e-mail that is late because a hold concerned it is told apart from others, as one whose priority was paused is.
 * `paused_between` stays: the release before reads with it.
 */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  // Paused and held at one time counts once. What a hold concerns is as in `src/domain/holds/match.ts`; the domains are
  // taken out once, not for each hold.
  await run(`create function stopped_between(of_priority text, of_client uuid, of_tags text[], of_sender text,
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
              and (h.receiver_domain is null or h.receiver_domain = of.receiver_domain)) s
        where s.from_at < to_time and coalesce(s.until_at, to_time) > from_time)) as stop
    $$`);

  await run(`create or replace function keep_first_times() returns trigger language plpgsql as $$
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
        and new.sent_at - stopped_between(new.priority, new.client_id, new.tags, new.sender, new.receiver_address,
            coalesce(new.first_due_at, new.due_at), new.sent_at)
          <= coalesce(new.first_deadline_at, new.deadline_at) then
        new.late_by_pause := true;
      end if;
      return new;
    end $$`);
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Priority } from '../src/priority.js';
import type { World } from './harness/world.js';

export interface Waiting {
  readonly priority: Priority;
  readonly count: number;
  /** From now; negative: due already. */
  readonly dueInS: number;
}

/** Puts e-mails among the waiting, as their acceptance would, without the time that would take. */
export async function addWaiting(world: World, { priority, count, dueInS }: Waiting): Promise<void> {
  await world.query(
    `with made as (
       insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content, content_type,
         status, created_at, due_at, deadline_at)
       select uuidv7(), (select id from clients order by created_at limit 1), $1, 'shop@example.com',
         'waiting-' || n || '@example.org', 'waiting-' || n || '@example.org', 'Your order', repeat('x', 1000),
         'text/html', case when $3::float8 > 0 then 'scheduled' else 'queued' end, now(),
         now() + make_interval(secs => $3) + n * interval '10 microseconds', now() + interval '1 day'
       from generate_series(1, $2::int) n returning id, priority, status, created_at, due_at),
     events as (
       insert into email_events (email_id, event_key, type, generation, occurred_at, metadata)
       select id, 'tempost:g1:' || status, status, 1, created_at, '{}' from made)
     insert into email_queue (email_id, priority, generation, state, due_at)
     select id, priority, 1, 'waiting', due_at from made`,
    [priority, count, dueInS],
  );
}

/** Takes all waiting e-mails out of the queue again. */
export async function removeWaiting(world: World): Promise<void> {
  await world.query(`delete from email_queue where state = 'waiting'`);
}

/**
 * Stops a priority in the record, as an operator does. Resolves when no claim is under way that began before and may not
 * have seen it: such a claim takes what comes meanwhile.
 */
export async function pause(world: World, priority: Priority): Promise<void> {
  await world.query(`update queue_controls set paused_at = now(), reason = 'bench' where priority = $1`, [priority]);
  const [paused] = await world.query<{ at: string }>('select clock_timestamp()::text as at');
  // No transaction of ours is longer than the 10 s that hold for an idle one.
  const end = Date.now() + 60_000;
  while ((await countOlder(world, paused!.at)) > 0) {
    if (Date.now() > end) throw new Error('a transaction that began before the pause does not end');
    await delay(10);
  }
}

/** How many transactions of others are open that began before a moment. */
async function countOlder(world: World, at: string): Promise<number> {
  const rows = await world.query(
    `select from pg_stat_activity where backend_type = 'client backend' and xact_start < $1 and pid <> pg_backend_pid()`,
    [at],
  );
  return rows.length;
}

/** What autovacuum does within its minute: a bench is faster than that. */
export async function analyse(world: World): Promise<void> {
  await world.server.query('vacuum analyze');
}

import { sql } from 'kysely';
import type { Db } from '../../src/postgres/database.js';

const BATCH = 500_000;
const DAY_MS = 86_400_000;

/** How the made-up e-mails are spread. */
interface Spread {
  readonly count: number;
  /** Over so many past days. */
  readonly days: number;
}

/**
 * Writes e-mails inside PostgreSQL: twenty clients, of which the first has half of the mail and the last one in a
 * thousand; three million receivers, each with a few, and one who has one in fifty; fifty senders; tags, of which one is rare; an
 * order number of its own in each third e-mail's metadata; one in fifty bounced. Contents are short: no search reads them.
 */
export async function fillEmails(db: Db, { count, days }: Spread, say: (line: string) => void): Promise<void> {
  await sql`insert into clients (name) select 'bench ' || n from generate_series(1, 20) n`.execute(db);
  await sql`create table bench_clients as select row_number() over (order by id) as place, id from clients where name like 'bench %'`.execute(
    db,
  );
  const endMs = Date.now() - 60_000;
  const beginMs = endMs - days * DAY_MS;
  for (let from = 0; from < count; from += BATCH) {
    const to = Math.min(from + BATCH, count);
    await writeBatch(db, { from, to, beginMs, stepMs: (endMs - beginMs) / count });
    say(`${to} of ${count}`);
  }
}

async function writeBatch(
  db: Db,
  { from, to, beginMs, stepMs }: { from: number; to: number; beginMs: number; stepMs: number },
): Promise<void> {
  // An id of a moment: 48 bits of milliseconds, the rest by chance.
  const id = sql`(lpad(to_hex((${beginMs}::float8 + n * ${stepMs}::float8)::bigint), 12, '0') || '7'
    || substr(replace(gen_random_uuid()::text, '-', ''), 14, 19))::uuid`;
  await sql`
    with made as materialized (
      select ${id} as id, n, random() as chance from generate_series(${from}::int + 1, ${to}::int) n),
    email as (
      insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content, content_type,
        metadata, tags, status, created_at, due_at, deadline_at, sent_at, dispatched_at, provider, provider_message_id)
      select made.id, c.id, case when n % 120 = 0 then 'critical' when n % 6 = 0 then 'medium' else 'low' end,
        'Shop ' || n % 50 || ' <orders' || n % 50 || '@example.com>', address, address,
        'Your order ' || n || ' is on its way', repeat('x', 100), 'text/plain',
        case when n % 3 = 0 then jsonb_build_object('order', n) else '{}' end,
        case when n % 20011 = 0 then '{recall}' when n % 4 = 0 then '{shipping}' else '{}' end::text[],
        case when n % 50 = 7 then 'bounced' when n % 5 < 2 then 'opened' else 'delivered' end,
        at, at, at + interval '1 hour', at, at, 'mailgun', '<' || made.id || '.1@mail.example.com>'
      from made
        join bench_clients c on c.place = case when n % 1000 = 500 then 20 else 1 + floor(greatest(0, chance - 0.5) * 37) end
        cross join lateral (select
          case when n % 50 = 11 then 'busy@example.org' else 'reader' || (n::bigint * 7919) % 3000000 || '@example.org' end
            as address,
          to_timestamp((${beginMs}::float8 + n * ${stepMs}::float8) / 1000) as at) x
      returning id, status, created_at)
    insert into email_events (email_id, event_key, type, generation, occurred_at)
    select id, 'tempost:g1:queued', 'queued', 1, created_at from email
    union all
    select id, 'tempost:g1:a1:bounced', 'bounced', 1, created_at from email where status = 'bounced'`.execute(db);
}

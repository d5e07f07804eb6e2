import { sql } from 'kysely';
import type { Db } from '../../src/postgres/database.js';

const BATCH = 250_000;
const DAY_MS = 86_400_000;

/** How the made-up e-mails are spread. */
interface Spread {
  readonly count: number;
  /** Over so many past days. */
  readonly days: number;
}

/** A part of it, by number. */
interface Batch {
  readonly from: number;
  readonly to: number;
  readonly beginMs: number;
  readonly stepMs: number;
}

/**
 * Writes e-mails inside PostgreSQL, each with its events and its call: twenty clients, of which the first has half of the
 * mail and the last one in a thousand; three million receivers, each with a few, and one who has one in fifty; fifty
 * senders; tags, of which one is rare; an order number of its own in each third e-mail's metadata; one in fifty bounced.
 * Contents are short: no search reads them.
 *
 * @param connect makes connections of a superuser, one for each of what is written side by side: no trigger runs, and no
 *   reference is looked up.
 */
export async function fillEmails(
  connect: () => Db,
  { count, days }: Spread,
  say: (line: string) => void,
): Promise<void> {
  const db = connect();
  await sql`insert into clients (name) select 'bench ' || n from generate_series(1, 20) n`.execute(db);
  await sql`create table bench_clients as select row_number() over (order by id) as place, id from clients where name like 'bench %'`.execute(
    db,
  );
  await db.destroy();
  const endMs = Date.now() - 60_000;
  const beginMs = endMs - days * DAY_MS;
  const half = Math.ceil(count / 2);
  // E-mails take longest.
  const lanes = [
    { write: writeEmails, from: 0, until: half },
    { write: writeEmails, from: half, until: count },
    { write: writeEvents, from: 0, until: count },
    { write: writeCalls, from: 0, until: count },
  ];
  await Promise.all(
    lanes.map(async ({ write, from: first, until }) => {
      const connection = connect();
      await sql`set session_replication_role = replica; set synchronous_commit = off`.execute(connection);
      for (let from = first; from < until; from += BATCH) {
        const to = Math.min(from + BATCH, until);
        await write(connection, { from, to, beginMs, stepMs: (endMs - beginMs) / count });
        say(`${write.name}: ${to} of ${until}`);
      }
      await connection.destroy();
    }),
  );
}

/** The numbers of a batch, each with its id (48 bits of milliseconds, then what its number makes) and its moment. */
const numbered = ({ from, to, beginMs, stepMs }: Batch) => sql`
  select n, to_timestamp(ms / 1000) as at,
    (lpad(to_hex(ms::bigint), 12, '0') || '7' || substr(hash, 1, 3) || 'a' || substr(hash, 4, 15))::uuid as id
  from generate_series(${from}::int + 1, ${to}::int) n
    cross join lateral (select ${beginMs}::float8 + n * ${stepMs}::float8 as ms, md5(n::text) as hash) made`;

const writeEmails = (db: Db, batch: Batch) =>
  sql`
    insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content, content_type,
      metadata, tags, status, created_at, due_at, deadline_at, sent_at, dispatched_at, provider, provider_message_id)
    select made.id, c.id, case when n % 120 = 0 then 'critical' when n % 6 = 0 then 'medium' else 'low' end,
      'Shop ' || n % 50 || ' <orders' || n % 50 || '@example.com>', address, address,
      'Your order ' || n || ' is on its way', repeat('x', 100), 'text/plain',
      case when n % 3 = 0 then jsonb_build_object('order', n) else '{}' end,
      case when n % 20011 = 0 then '{recall}' when n % 4 = 0 then '{shipping}' else '{}' end::text[],
      case when n % 50 = 7 then 'bounced' when n % 5 < 2 then 'opened' else 'delivered' end,
      at, at, at + interval '1 hour', at, at, 'mailgun', '<' || made.id || '.1@mail.example.com>'
    from (select *, random() as chance from (${numbered(batch)}) numbered) made
      join bench_clients c on c.place = case when n % 1000 = 500 then 20 else 1 + floor(greatest(0, chance - 0.5) * 37) end
      cross join lateral (select
        case when n % 50 = 11 then 'busy@example.org' else 'reader' || (n::bigint * 7919) % 3000000 || '@example.org' end
          as address) x`.execute(db);

const writeEvents = (db: Db, batch: Batch) =>
  sql`
    insert into email_events (email_id, event_key, type, generation, occurred_at)
    select id, case when type = 'queued' then 'tempost:g1:queued' else 'tempost:g1:a1:bounced' end, type, 1, at
    from (${numbered(batch)}) made
      cross join lateral unnest(case when n % 50 = 7 then '{queued,bounced}' else '{queued}' end::text[]) as type
    `.execute(db);

const writeCalls = (db: Db, batch: Batch) =>
  sql`
    insert into send_attempts (email_id, generation, attempt, provider, state, started_at, call_until, finished_at)
    select id, 1, 1, 'mailgun', 'accepted', at, at + interval '30 seconds', at + interval '250 milliseconds'
    from (${numbered(batch)}) made`.execute(db);

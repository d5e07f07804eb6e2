import { statfs } from 'node:fs/promises';
import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';

/** What is known of PostgreSQL's disk. */
export interface Disk {
  /** How large the database may become; null: nobody has said. */
  readonly capacityBytes: number | null;
  /** A folder on that disk, where PostgreSQL runs on this machine; null: it runs elsewhere. */
  readonly directory: string | null;
}

/** What the database takes, with its indexes, and how long there will be room for it. */
export interface DiskUse {
  readonly database_bytes: number;
  /** By what is in the tables. */
  readonly groups: Readonly<Record<DiskGroup, number>>;
  /** The four tables that have partitions, by month as `YYYYMM`. */
  readonly months: Readonly<Record<string, number>>;
  /** A day, over the last week; what was removed at once, such as a month, is left out. Null: not known for a day yet. */
  readonly growth_bytes: number | null;
  readonly free_bytes: number | null;
  /** At that growth. Null: not known, or it does not grow. */
  readonly days_left: number | null;
}

/** content and record of e-mails are `emails`; `passing`: what is removed after two days; `others`: all the rest. */
export const DISK_GROUPS = [
  'emails',
  'events',
  'attempts',
  'attachments',
  'spool',
  'queue',
  'passing',
  'audit',
  'others',
] as const;

export type DiskGroup = (typeof DISK_GROUPS)[number];

const GROUP_OF: Readonly<Record<string, DiskGroup>> = {
  emails: 'emails',
  email_events: 'events',
  send_attempts: 'attempts',
  attachments: 'attachments',
  attachment_chunks: 'spool',
  email_queue: 'queue',
  pending_signals: 'queue',
  look_ups: 'queue',
  dead_emails: 'queue',
  idempotency_keys: 'passing',
  webhook_tokens: 'passing',
  audit_log: 'audit',
};

/** Reads sizes from the file system, by way of PostgreSQL: no table is read. */
export async function measureDisk(db: Db, disk: Disk): Promise<DiskUse> {
  const { rows } = await sql<{ table: string; month: string | null; bytes: number }>`
    select coalesce(i.inhparent::regclass::text, c.relname) as "table",
      case when i.inhrelid is not null then substring(c.relname from '\\d{6}$') end as month,
      coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint as bytes
    from pg_class c left join pg_inherits i on i.inhrelid = c.oid
    where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace group by 1, 2`.execute(db);
  const groups = Object.fromEntries(DISK_GROUPS.map((group) => [group, 0])) as Record<DiskGroup, number>;
  const months: Record<string, number> = {};
  for (const { table, month, bytes } of rows) {
    groups[GROUP_OF[table] ?? 'others'] += bytes;
    if (month) months[month] = (months[month] ?? 0) + bytes;
  }
  const { total, growth } = await readGrowth(db);
  const free = await freeBytes(disk, total);
  const days_left = free !== null && growth !== null && growth > 0 ? Math.floor(free / growth) : null;
  return { database_bytes: total, groups, months, growth_bytes: growth, free_bytes: free, days_left };
}

/** Less tells of a part of a day: nights and days differ. */
const LEAST_DAYS = 0.9;

async function readGrowth(db: Db): Promise<{ readonly total: number; readonly growth: number | null }> {
  const { rows } = await sql<{ total: number; more: number | null; days: number }>`
    with now_too as (
      select at, bytes from disk_samples where at > now() - interval '8 days'
      union all select now(), pg_database_size(current_database())),
    steps as (select at, bytes, greatest(0, bytes - lag(bytes) over (order by at)) as more from now_too)
    select (array_agg(bytes order by at desc))[1] as total, sum(more)::float8 as more,
      (extract(epoch from max(at) - min(at)) / 86400)::float8 as days from steps`.execute(db);
  const { total, more, days } = rows[0]!;
  return { total, growth: days < LEAST_DAYS ? null : Math.round((more ?? 0) / days) };
}

async function freeBytes({ capacityBytes, directory }: Disk, total: number): Promise<number | null> {
  if (capacityBytes !== null) return Math.max(0, capacityBytes - total);
  if (directory === null) return null;
  // Another machine's folder is not here: then nothing is known.
  const found = await statfs(directory).catch(() => undefined);
  return found ? found.bavail * found.bsize : null;
}

/** Keeps how large the database is, once a day (UTC), of whichever dispatcher. */
export async function keepDiskSample(db: Db): Promise<void> {
  await sql`insert into disk_samples (day, at, bytes)
    select (now() at time zone 'UTC')::date, now(), pg_database_size(current_database())
    where not exists (select from disk_samples where day = (now() at time zone 'UTC')::date)
    on conflict do nothing`.execute(db);
}

import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import type { DeadReason } from '../../postgres/schema.js';
import type { Priority } from '../../priority.js';

/** Which dead letters; what is left out does not matter. */
export interface DeadLetterFilter {
  /** Default: those that nobody has dealt with. */
  readonly state?: 'open' | 'resolved' | 'all';
  readonly emailId?: string;
  readonly clientId?: string;
  readonly priority?: Priority;
  readonly reason?: DeadReason;
  /** Of the last attempt. */
  readonly provider?: ProviderName;
  readonly code?: string;
  /** Those alone that have none. */
  readonly withoutCode?: boolean;
  readonly withoutProvider?: boolean;
  /** In lower case. */
  readonly receiverDomain?: string;
  /** Died at or after, and before. */
  readonly from?: Date;
  readonly to?: Date;
}

/** One generation of an e-mail that died. */
export interface DeadLetter {
  readonly id: string;
  readonly generation: number;
  readonly reason: DeadReason;
  readonly code: string | null;
  readonly provider: ProviderName | null;
  readonly priority: Priority;
  readonly client_id: string;
  readonly sender: string;
  readonly receiver: string;
  readonly subject: string;
  readonly created_at: Date;
  readonly died_at: Date;
  readonly resolved_at: Date | null;
  readonly resolution: 'retried' | 'discarded' | 'delivered' | null;
}

/** Where a page ended; the time is text in UTC, because a Date is coarser than the database's microseconds. */
interface DeadLetterCursor {
  readonly diedAt: string;
  readonly emailId: string;
}

/** Dead letters, the oldest first. @returns at most `limit`, and where to go on when there may be more. */
export async function findDeadLetters(
  db: Db,
  filter: DeadLetterFilter,
  page: { readonly after?: DeadLetterCursor; readonly limit: number },
): Promise<{ letters: DeadLetter[]; next: DeadLetterCursor | undefined }> {
  const after = page.after
    ? sql`(d.died_at, d.email_id) > (${page.after.diedAt}::timestamptz, ${page.after.emailId}::uuid)`
    : sql`true`;
  const { rows } = await sql<DeadLetter & { died_at_text: string }>`
    select d.email_id as id, d.generation, d.reason, d.code, d.provider, d.priority, d.client_id, e.sender, e.receiver,
      e.subject, e.created_at, d.died_at, d.resolved_at, d.resolution, 
      to_char(d.died_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as died_at_text
    from dead_emails d join emails e on e.id = d.email_id
    where ${matches(filter)} and ${after}
    order by d.died_at, d.email_id limit ${page.limit}`.execute(db);
  const last = rows.length === page.limit ? rows.at(-1) : undefined;
  return {
    letters: rows.map(({ died_at_text: _, ...letter }) => letter),
    next: last && { diedAt: last.died_at_text, emailId: last.id },
  };
}

/** How many dead letters there are of a kind. */
export async function countDeadLetters(db: Db, filter: DeadLetterFilter): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from dead_emails d join emails e on e.id = d.email_id where ${matches(filter)}`.execute(
    db,
  );
  return rows[0]!.count;
}

/** Dead letters that have the reason, the last code and the provider in common. */
export interface DeadLetterGroup {
  readonly reason: DeadReason;
  readonly code: string | null;
  readonly provider: ProviderName | null;
  readonly waiting: number;
  readonly oldest_at: Date;
  readonly newest_at: Date;
}

/** The open dead letters by what they have in common, the most first. @param clientId whose; null for everyone's. */
export async function groupDeadLetters(db: Db, clientId: string | null, limit: number): Promise<DeadLetterGroup[]> {
  const { rows } = await sql<DeadLetterGroup>`
    select reason, code, provider, count(*)::int as waiting, min(died_at) as oldest_at, max(died_at) as newest_at
    from dead_emails where resolved_at is null and (${clientId}::uuid is null or client_id = ${clientId}::uuid)
    group by reason, code, provider order by waiting desc, reason, code, provider limit ${limit}`.execute(db);
  return rows;
}

function matches(filter: DeadLetterFilter) {
  const conditions = [sql`true`];
  const state = filter.state ?? 'open';
  if (state !== 'all') conditions.push(state === 'open' ? sql`d.resolved_at is null` : sql`d.resolved_at is not null`);
  if (filter.emailId) conditions.push(sql`d.email_id = ${filter.emailId}`);
  if (filter.clientId) conditions.push(sql`d.client_id = ${filter.clientId}`);
  if (filter.priority) conditions.push(sql`d.priority = ${filter.priority}`);
  if (filter.reason) conditions.push(sql`d.reason = ${filter.reason}`);
  if (filter.provider) conditions.push(sql`d.provider = ${filter.provider}`);
  if (filter.code) conditions.push(sql`d.code = ${filter.code}`);
  if (filter.withoutCode) conditions.push(sql`d.code is null`);
  if (filter.withoutProvider) conditions.push(sql`d.provider is null`);
  if (filter.receiverDomain) conditions.push(sql`split_part(e.receiver_address, '@', 2) = ${filter.receiverDomain}`);
  if (filter.from) conditions.push(sql`d.died_at >= ${filter.from}`);
  if (filter.to) conditions.push(sql`d.died_at < ${filter.to}`);
  return sql.join(conditions, sql` and `);
}

import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';

/** An event that named no e-mail that we know, without what the provider said in it, which may hold anything. */
export interface UnmatchedWebhook {
  readonly id: string;
  readonly provider: ProviderName;
  readonly reason: string;
  /** In our word; in the provider's, cut to 50 characters, where we did not read more of it. */
  readonly event_type: string | null;
  readonly provider_message_id: string | null;
  readonly recorded_at: Date;
  /** When it is looked for next; null: not any more. */
  readonly match_at: Date | null;
}

/** Where a page ended; the time is text in UTC, because a Date is coarser than the database's microseconds. */
interface UnmatchedPlace {
  readonly at: string;
  readonly id: string;
}

/** Such events, the latest first. @returns at most `limit`, and where to go on when there may be more. */
export async function listUnmatched(
  db: Db,
  page: { readonly before?: UnmatchedPlace; readonly limit: number },
): Promise<{ readonly webhooks: UnmatchedWebhook[]; readonly next: UnmatchedPlace | undefined }> {
  const before = page.before
    ? sql`(recorded_at, id) < (${page.before.at}::timestamptz, ${page.before.id}::uuid)`
    : sql`true`;
  const { rows } = await sql<UnmatchedWebhook & { readonly at: string }>`
    select id, provider, reason, coalesce(event ->> 'type', left(body ->> 'event', 50)) as event_type, provider_message_id, recorded_at, match_at,
      to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
    from unmatched_webhooks where ${before} order by recorded_at desc, id desc limit ${page.limit}`.execute(db);
  const last = rows.length === page.limit ? rows.at(-1) : undefined;
  return {
    webhooks: rows.map(({ at: _, ...webhook }) => webhook),
    next: last && { at: last.at, id: last.id },
  };
}

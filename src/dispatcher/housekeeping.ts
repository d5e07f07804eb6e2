import { type RawBuilder, sql } from 'kysely';
import type { Config } from '../config.js';
import { sweepOrphanChunks } from '../domain/emails/chunks.js';
import { forgetDead } from '../domain/fleets/heartbeats.js';
import { RESENT_INDEX } from '../domain/personal-data/resent-index.js';
import { keepDiskSample } from '../domain/samples/disk.js';
import { OLD_SAMPLES } from '../domain/samples/samples.js';
import { SEARCH_INDEXES } from '../domain/search/indexes.js';
import { mergeServiceLevels } from '../domain/service-levels/merge.js';
import { MESSAGE_INDEX } from '../domain/tracking/message-index.js';
import type { Db } from '../postgres/database.js';
import { completeMonthIndexes } from '../postgres/month-index.js';
import { ensurePartitions } from '../postgres/partitions.js';

/** Nothing more happens to it, and nothing has for a while. */
const OLD_JOB = sql`state not in ('planning', 'running')
  and coalesce(ended_at, progressed_at, created_at) < now() - interval '90 days'`;

/** How long is kept what operators may want to keep for longer, or not as long. */
type Kept = Pick<Config['retention'], 'webhooksDays' | 'auditDays'>;

/** What is removed when it has served its time. Small batches: a long delete would hold up everything behind it. */
const expired = ({ webhooksDays, auditDays }: Kept): Record<string, RawBuilder<unknown>> => ({
  // A client may repeat a submission for a day (IETF Idempotency-Key draft: "at least 24 hours"); two to be safe.
  idempotency_keys: sql`created_at < now() - interval '48 hours'`,
  // Webhooks older than 12 hours are refused, so their tokens need not be known any longer.
  webhook_tokens: sql`recorded_at < now() - interval '24 hours'`,
  unmatched_webhooks: sql`recorded_at < now() - make_interval(days => ${webhooksDays})`,
  // For whoever asks what a client has submitted lately; the limit itself looks at today only.
  client_usage: sql`day < current_date - 90`,
  provider_calls: sql`day < current_date - 90`,
  // Lifetimes that they stretched are over by then.
  holds: sql`released_at < now() - interval '90 days'`,
  // Temporal has removed their workflows by then.
  forgotten_emails: sql`forgotten_at < now() - interval '90 days'`,
  // Filters hold addresses, and a report has been read by then.
  job_items: sql`job_id in (select id from jobs where ${OLD_JOB})`,
  jobs: sql`${OLD_JOB} and not exists (select from job_items i where i.job_id = jobs.id)`,
  // By default long enough for whoever audits once a year.
  audit_log: sql`at < now() - make_interval(days => ${auditDays})`,
  // Thirteen months, so that a month can be held against the same one a year before.
  service_levels: sql`hour < now() - interval '400 days'`,
  late_emails: sql`hour < now() - interval '90 days'`,
  samples: OLD_SAMPLES,
  disk_samples: sql`day < current_date - 400`,
  sessions: sql`expires_at < now()`,
  sign_in_links: sql`expires_at < now()`,
});
const BATCH = 5_000;

/** Makes the coming months' partitions, and removes what has expired; several processes may do it at once. */
export async function keepHouse(db: Db, kept: Kept): Promise<void> {
  await ensurePartitions(db);
  await completeMonthIndexes(db, [MESSAGE_INDEX, ...SEARCH_INDEXES, RESENT_INDEX]);
  await sweepOrphanChunks(db);
  await mergeServiceLevels(db);
  await forgetDead(db);
  await keepDiskSample(db);
  for (const [table, condition] of Object.entries(expired(kept))) await deleteBatches(db, table, condition);
}

async function deleteBatches(db: Db, table: string, expired: RawBuilder<unknown>): Promise<void> {
  for (;;) {
    const { numAffectedRows } = await sql`delete from ${sql.table(table)}
      where ctid = any(array(select ctid from ${sql.table(table)} where ${expired} limit ${BATCH}))`.execute(db);
    if ((numAffectedRows ?? 0n) < BATCH) return;
  }
}

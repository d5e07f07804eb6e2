import type { Generated } from 'kysely';
import type { ProviderName } from '../config.js';
import type { Priority } from '../priority.js';
import type { DeadEmailTable, LookUpTable, SendAttemptTable } from './schema/attempts.js';
import type { AuditLogTable } from './schema/audit.js';
import type { ApiKeyTable, ClientTable, PersonTable, RateBucketTable } from './schema/clients.js';
import type { SampleTable, SessionTable, SignInLinkTable } from './schema/console.js';
import type {
  AttachmentTable,
  EmailEventTable,
  EmailTable,
  IdempotencyKeyTable,
  StatusTable,
} from './schema/emails.js';
import type { ProcessHeartbeatTable, WorkerBuildTable, WorkerRoutingTable } from './schema/fleets.js';
import type { HoldTable } from './schema/holds.js';
import type { JobItemTable, JobTable } from './schema/jobs.js';
import type { FailureNoticeTable, NoticePolicyTable } from './schema/notices.js';
import type { ProviderControlTable, ProviderHealthTable } from './schema/providers.js';
import type { EmailQueueTable, QueueControlTable } from './schema/queue.js';
import type { RecoveryItemTable, RecoveryTable } from './schema/recovery.js';
import type { RetentionDeferredTable, RetentionWalkTable } from './schema/retention.js';
import type { LateEmailTable, ServiceLevelStartTable, ServiceLevelTable } from './schema/service-levels.js';
import type { SignalKind, SuppressionTable, UnmatchedWebhookTable, UnsubscribeKeyTable } from './schema/tracking.js';

export { type AttemptState, DEAD_REASONS, type DeadReason } from './schema/attempts.js';
export type { KeyScope } from './schema/clients.js';
export type { ProcessKind } from './schema/fleets.js';
export type { JobItemState, JobState } from './schema/jobs.js';
export type { QueueState } from './schema/queue.js';
export type { AskedSource, Source, SourceLimit, Verdict } from './schema/recovery.js';
export type { Retained } from './schema/retention.js';
export type { SignalKind } from './schema/tracking.js';

/** The tables of the record as Kysely sees them; `docs/data.md` explains each.
 * Small ones are written out; `schema/` holds the others, a file a room of the domain. */
export interface Database {
  clients: ClientTable;
  api_keys: ApiKeyTable;
  persons: PersonTable;
  client_senders: { client_id: string; sender: string; created_at: Generated<Date> };
  rate_buckets: RateBucketTable;
  statuses: StatusTable;
  emails: EmailTable;
  attachments: AttachmentTable;
  attachment_chunks: { email_id: string; seq: number; data: Buffer };
  email_events: EmailEventTable;
  send_attempts: SendAttemptTable;
  email_queue: EmailQueueTable;
  pending_signals: { email_id: string; kind: SignalKind; try_at: Date; enqueued_at: Generated<Date> };
  dead_emails: DeadEmailTable;
  client_usage: { client_id: string; priority: Priority; day: string; accepted: number };
  queue_controls: QueueControlTable;
  service_levels: ServiceLevelTable;
  service_level_start: ServiceLevelStartTable;
  late_emails: LateEmailTable;
  send_stops: { priority: Priority; cause: 'paused' | 'no_provider'; from_at: Date; until_at: Date | null };
  provider_controls: ProviderControlTable;
  provider_health: ProviderHealthTable;
  provider_calls: { provider: ProviderName; day: string; shard: number; calls: number };
  look_ups: LookUpTable;
  sender_domain_blocks: { provider: ProviderName; domain: string; until_at: Date; code: string };
  failure_notices: FailureNoticeTable;
  notice_policy: NoticePolicyTable;
  temporal_namespaces: { namespace: string; namespace_id: string; seen_at: Generated<Date> };
  counters: { name: CounterName; label: string; value: number };
  suppressions: SuppressionTable;
  idempotency_keys: IdempotencyKeyTable;
  webhook_tokens: { provider: ProviderName; token: string; body_hash: Buffer; recorded_at: Generated<Date> };
  unmatched_webhooks: UnmatchedWebhookTable;
  unsubscribe_key: UnsubscribeKeyTable;
  audit_log: AuditLogTable;
  holds: HoldTable;
  process_heartbeats: ProcessHeartbeatTable;
  worker_routing: WorkerRoutingTable;
  worker_builds: WorkerBuildTable;
  retired_builds: { build_id: string; retired_at: Generated<Date> };
  jobs: JobTable;
  job_items: JobItemTable;
  sessions: SessionTable;
  sign_in_links: SignInLinkTable;
  samples: SampleTable;
  disk_samples: { day: string; at: Date; bytes: number };
  retention_walks: RetentionWalkTable;
  retention_deferred: RetentionDeferredTable;
  forgotten_key: { only_row: Generated<boolean>; key: Buffer };
  schema_contracts: { migration: string; needs: string; because: string; at: Generated<Date> };
  forgotten_emails: { id_digest: Buffer; forgotten_at: Generated<Date> };
  recoveries: RecoveryTable;
  recovery_items: RecoveryItemTable;
  object_removals: { storage_path: string; asked_at: Generated<Date>; try_at: Generated<Date> };
}

/** What is counted for good; the label says for which provider. */
export const COUNTER_NAMES = [
  'ambiguous_attempts',
  'adopted_attempts',
  'repeated_sends',
  'known_duplicates',
  'breaker_openings',
  'quiet_emails',
] as const;

export type CounterName = (typeof COUNTER_NAMES)[number];

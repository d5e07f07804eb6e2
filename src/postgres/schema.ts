import type { ColumnType, Generated, JSONColumnType } from 'kysely';
import type { ProviderName } from '../config.js';
import type { Priority } from '../priority.js';

/** The tables of the record as Kysely sees them; `docs/data.md` explains each. */
export interface Database {
  clients: ClientTable;
  api_keys: ApiKeyTable;
  client_senders: { client_id: string; sender: string; created_at: Generated<Date> };
  rate_buckets: RateBucketTable;
  statuses: StatusTable;
  emails: EmailTable;
  attachments: AttachmentTable;
  attachment_chunks: { email_id: string; seq: number; data: Buffer };
  email_events: EmailEventTable;
  send_attempts: SendAttemptTable;
  email_queue: EmailQueueTable;
  pending_signals: { email_id: string; kind: SignalKind; try_at: Date };
  dead_emails: DeadEmailTable;
  client_usage: { client_id: string; priority: Priority; day: string; accepted: number };
  queue_controls: QueueControlTable;
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
}

/** What a workflow is told about: the first of each kind, and evidence for an attempt whose outcome was unknown. */
export type SignalKind = 'delivered' | 'opened' | 'failed' | 'evidence';

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

export type DeadReason = 'lifetime_over' | 'ambiguous' | 'stopped_in_temporal';

type JsonObject = Record<string, unknown>;

interface ClientTable {
  id: Generated<string>;
  name: string;
  created_at: Generated<Date>;
  disabled_at: Date | null;
  /** Whether senders are told of failures by e-mail. */
  failure_notices: Generated<boolean>;
  daily_limit_critical: Generated<number>;
  daily_limit_medium: Generated<number>;
  daily_limit_low: Generated<number>;
  /** Whether it may send as anybody; else as `client_senders` say. */
  any_sender: Generated<boolean>;
  /** Requests a second, and at once; null: no limit. So for keys. */
  send_rate: number | null;
  send_burst: number | null;
  read_rate: number | null;
  read_burst: number | null;
}

interface ApiKeyTable {
  id: Generated<string>;
  client_id: string;
  /** SHA-256 of the key: a key is 32 random bytes, so a slow hash would protect nothing more. */
  key_hash: Buffer;
  /** The first characters, to tell keys apart in lists. */
  prefix: string;
  created_at: Generated<Date>;
  revoked_at: Date | null;
  /** An administrator's, for the release before; `role` says it. */
  operator: Generated<boolean>;
  name: string | null;
  /** An operator's key; null with `operator` is one that the release before has made: an administrator's. */
  role: 'viewer' | 'operator' | 'admin' | null;
  /** What a client's key may do; nothing of an operator's. */
  scopes: ColumnType<KeyScope[], KeyScope[] | undefined, KeyScope[]>;
  /** Addresses and CIDR blocks it is taken from; none: from everywhere. */
  allowed_addresses: ColumnType<string[], string[] | undefined, string[]>;
  expires_at: Date | null;
  /** To the minute. */
  last_used_at: Date | null;
  /** The key that it was rotated to. */
  replaced_by: string | null;
  send_rate: number | null;
  send_burst: number | null;
  read_rate: number | null;
  read_burst: number | null;
  /** Given by the configuration: it ends when that names another one, and is back when it is named again. */
  bootstrap: Generated<boolean>;
}

export type KeyScope = 'send' | 'read' | 'content' | 'suppressions' | 'admin';

/** Tokens that are left of a rate, as of `filled_at`. Unlogged; the columns after it are what was last asked. */
interface RateBucketTable {
  /** A client, or a key. */
  owner: string;
  kind: string;
  tokens: number;
  filled_at: Date;
  rate: number;
  burst: number;
  granted: number;
}

interface StatusTable {
  name: string;
  rank: number;
  preference: number;
  survives: boolean;
  final: boolean;
  description: string;
  signal: 'delivered' | 'opened' | 'over' | null;
  trouble: Generated<boolean>;
  retryable: Generated<boolean>;
  told: Generated<boolean>;
  unheard: Generated<boolean>;
  provider_events: Generated<string[]>;
}

interface EmailTable {
  id: string;
  client_id: string;
  priority: Priority;
  /** As submitted: `ada@example.com` or `Ada <ada@example.com>`. */
  sender: string;
  receiver: string;
  /** The bare receiver address in lower case: what suppressions are compared with. */
  receiver_address: string;
  subject: string;
  content: string;
  content_type: 'text/plain' | 'text/html';
  reply_to: string | null;
  metadata: JSONColumnType<JsonObject>;
  tags: ColumnType<string[], string[] | undefined, string[]>;
  status: string;
  generation: Generated<number>;
  created_at: Date;
  /** Acceptance, or the scheduled time: what an e-mail is dispatched by. */
  due_at: Date;
  /** `due_at` plus the priority's service level. */
  deadline_at: Date;
  dispatched_at: Date | null;
  sent_at: Date | null;
  cancelled_at: Date | null;
  provider: ProviderName | null;
  provider_message_id: string | null;
  /** A deliberate resend is a new e-mail that names the old one. */
  resend_of: string | null;
  /** An operator's choice for this generation: this provider and no other. */
  only_provider: ProviderName | null;
  /** The e-mail that this one tells the failure of. */
  notice_for: string | null;
}

interface AttachmentTable {
  email_id: string;
  filename: string;
  content_type: string;
  size_bytes: number;
  /** Hexadecimal. */
  sha256: string;
  /** Where the object store holds it; null while it is only in the spool (`attachment_chunks`). */
  storage_path: string | null;
  stored_at: Date | null;
}

interface EmailEventTable {
  email_id: string;
  /** What makes the event one: `<provider>:<its id>` or `tempost:<our own id>`. */
  event_key: string;
  type: string;
  generation: number;
  /** Null for an event of the whole generation. */
  attempt: number | null;
  provider: ProviderName | null;
  provider_event_id: string | null;
  occurred_at: Date;
  recorded_at: Generated<Date>;
  metadata: JSONColumnType<JsonObject>;
}

/**
 * calling: permission given, no answer yet. ambiguous: the outcome is unknown. accepted: the provider has it.
 * rejected: refused for good. refused: not taken, may be tried again. abandoned: given up as unknown, by policy.
 */
export type AttemptState = 'calling' | 'ambiguous' | 'accepted' | 'rejected' | 'refused' | 'abandoned';

interface SendAttemptTable {
  email_id: string;
  generation: number;
  /** 1 for the first call of a generation. */
  attempt: number;
  provider: ProviderName;
  state: AttemptState;
  started_at: Date;
  /** By the database's clock: the caller has ended the call by then, and nobody reconciles earlier. */
  call_until: Date;
  finished_at: Date | null;
  provider_message_id: string | null;
  /** Why it did not go through: a code, never a provider's sentence. */
  code: string | null;
}

/**
 * waiting: to be dispatched. in_flight, backing_off: its workflow is sending. awaiting_provider: its workflow sleeps
 * until one of its providers admits. handed_over: awaits its delivery.
 */
export type QueueState = 'waiting' | 'in_flight' | 'backing_off' | 'awaiting_provider' | 'handed_over';

interface EmailQueueTable {
  email_id: string;
  priority: Priority;
  generation: number;
  state: QueueState;
  due_at: Date;
  dispatched_at: Date | null;
  /** When the sweep looks at its workflow next. */
  check_at: Date | null;
  /** Of one that awaits a provider: those it may go to, and from when it may be woken. */
  providers: ProviderName[] | null;
  ready_at: Date | null;
}

interface DeadEmailTable {
  email_id: string;
  generation: number;
  reason: DeadReason;
  died_at: Generated<Date>;
  client_id: string | null;
  priority: Priority | null;
  /** The code and the provider of the last attempt. */
  code: string | null;
  provider: ProviderName | null;
  resolved_at: Date | null;
  /** What an operator did; `delivered`: a provider had taken it after all. */
  resolution: 'retried' | 'discarded' | 'delivered' | null;
}

interface QueueControlTable {
  priority: Priority;
  /** Since when operators have paused it through us. */
  paused_at: Date | null;
  reason: string | null;
  /** Since when it has been paused in Temporal itself, and not by us. */
  temporal_paused_at: Date | null;
  temporal_reason: string | null;
  changed_at: Generated<Date>;
}

interface ProviderControlTable {
  provider: ProviderName;
  enabled: Generated<boolean>;
  /** An operator's word, stronger than the breaker's own. */
  forced: 'open' | 'closed' | null;
  /** Calls a second and a day; null for no limit. */
  rate_per_s: number | null;
  per_day: number | null;
  reason: string | null;
  changed_at: Generated<Date>;
}

interface ProviderHealthTable {
  provider: ProviderName;
  state: Generated<'closed' | 'open' | 'half_open'>;
  /** Failures in a row. */
  failures: Generated<number>;
  last_code: string | null;
  /** When a call failed last. */
  failed_at: Date | null;
  opened_at: Date | null;
  /** Openings in a row: each doubles the pause before the next probe. */
  openings: Generated<number>;
  /** When the next probe is due while another provider admits, and when the last one was made. */
  probe_at: Date | null;
  probed_at: Date | null;
  /** Until then nobody probes, whatever is due: the provider asked to be left alone, or has just failed again. */
  hold_until: ColumnType<Date, never, Date>;
  /** When an e-mail may be tried although no probe has succeeded. */
  trial_at: Date | null;
  /** Since when traffic is coming back. */
  closed_at: Date | null;
  misconfigured: Generated<boolean>;
  /** The earliest moment of the next call under the rate. */
  next_call_at: ColumnType<Date, never, Date>;
  /** The calls of a day that a limit has counted; `provider_calls` counts all others. */
  day: string | null;
  used_today: Generated<number>;
  /** The earliest moment of the next search, where a provider limits searches. */
  next_look_up_at: ColumnType<Date, never, Date>;
}

/** An ambiguous attempt that waits to be searched for. */
interface LookUpTable {
  email_id: string;
  generation: number;
  attempt: number;
  provider: ProviderName;
  /** When it is given up without evidence. */
  decide_at: Date;
}

interface FailureNoticeTable {
  client_id: string;
  sender: string;
  window_from: Date;
  told: Generated<number>;
  untold: Generated<number>;
  /** The first of the untold, for the digest. */
  untold_ids: Generated<string[]>;
}

/** At most one row. */
interface NoticePolicyTable {
  only_row: Generated<boolean>;
  sender: string;
  /** How many single notices a sender gets in an hour. */
  per_hour: number;
  /** The service level of a notice. */
  deadline_ms: number;
}

interface SuppressionTable {
  client_id: string;
  address: string;
  reason: 'bounced' | 'complained' | 'unsubscribed' | 'manual';
  email_id: string | null;
  created_at: Generated<Date>;
  /** When its owner unsubscribed, where `reason` is another one, which concerns more. */
  unsubscribed_at: Date | null;
}

/** One row. */
interface UnsubscribeKeyTable {
  only_row: Generated<boolean>;
  key: Buffer;
  /** E-mails accepted before carry links of their id alone. */
  id_alone_until: Date;
}

interface IdempotencyKeyTable {
  client_id: string;
  key: string;
  request_hash: Buffer;
  email_id: string;
  response: JSONColumnType<JsonObject>;
  created_at: Generated<Date>;
}

interface UnmatchedWebhookTable {
  id: Generated<string>;
  provider: ProviderName;
  reason: string;
  body: JSONColumnType<JsonObject>;
  recorded_at: Generated<Date>;
  /** The provider's id of the message, when the event names that and no e-mail. */
  provider_message_id: string | null;
  /** The event in our words, for when its e-mail is found. */
  event: JSONColumnType<JsonObject> | null;
  /** When the provider took the message, as it says. */
  taken_at: Date | null;
  /** When it is looked for next; null: not any more. */
  match_at: Date | null;
  match_tries: Generated<number>;
}

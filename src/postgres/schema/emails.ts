import type { ColumnType, Generated, JSONColumnType } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Priority } from '../../priority.js';
import type { JsonObject } from './json.js';

// E-mails, their events and attachments.

export interface StatusTable {
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

export interface EmailTable {
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
  /** The text beside a content of HTML; null: it is made of it when it is sent. */
  alternative: string | null;
  /** More headers, as submitted; null for none. */
  headers: JSONColumnType<Record<string, string>> | null;
  /** False: opens are not tracked, neither by us nor by the provider. Null: they are. */
  track_opens: boolean | null;
  /** The span under which it was accepted (W3C Trace Context); null: traces were off. */
  traceparent: ColumnType<string | null, string | null | undefined, string | null>;
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
  /** As they were before the e-mail was taken up again; null while `due_at`, `deadline_at` and `sent_at` are the first. */
  first_due_at: Date | null;
  first_deadline_at: Date | null;
  first_sent_at: Date | null;
  /** Handed over late, and in time but for pauses and holds; the database writes it. */
  late_by_pause: boolean | null;
  cancelled_at: Date | null;
  provider: ProviderName | null;
  provider_message_id: string | null;
  /** A deliberate resend is a new e-mail that names the old one. */
  resend_of: string | null;
  /** An operator's choice for this generation: this provider and no other. */
  only_provider: ProviderName | null;
  /** The e-mail that this one tells the failure of. */
  notice_for: string | null;
  /** Since when its content is gone by retention: it is neither sent again nor copied. */
  content_removed_at: Date | null;
}

export interface AttachmentTable {
  email_id: string;
  filename: string;
  content_type: string;
  size_bytes: number;
  /** Hexadecimal. */
  sha256: string;
  /** Where the object store holds it; null while it is only in the spool (`attachment_chunks`), or removed. */
  storage_path: string | null;
  stored_at: Date | null;
  /** Since when its bytes are gone by retention. */
  removed_at: Date | null;
}

export interface EmailEventTable {
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

export interface IdempotencyKeyTable {
  client_id: string;
  key: string;
  request_hash: Buffer;
  email_id: string;
  response: JSONColumnType<JsonObject>;
  created_at: Generated<Date>;
}

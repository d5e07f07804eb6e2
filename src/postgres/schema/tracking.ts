import type { Generated, JSONColumnType } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { JsonObject } from './json.js';

// What is told of e-mails: webhooks, unsubscribing, suppressions, signals to workflows.

/** What a workflow is told about: the first of each kind, and evidence for an attempt whose outcome was unknown. */
export type SignalKind = 'delivered' | 'opened' | 'failed' | 'evidence';

export interface SuppressionTable {
  client_id: string;
  address: string;
  reason: 'bounced' | 'complained' | 'unsubscribed' | 'manual';
  email_id: string | null;
  created_at: Generated<Date>;
  /** When its owner unsubscribed, where `reason` is another one, which concerns more. */
  unsubscribed_at: Date | null;
}

/** One row. */
export interface UnsubscribeKeyTable {
  only_row: Generated<boolean>;
  key: Buffer;
  /** E-mails accepted before carry links of their id alone. */
  id_alone_until: Date;
}

export interface UnmatchedWebhookTable {
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

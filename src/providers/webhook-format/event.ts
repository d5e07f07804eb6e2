/** A provider's webhook event in our words, but for the provider's name, which whoever received it adds. */
export interface WebhookEvent {
  /** Unique within the provider and the e-mail. */
  readonly providerEventId: string;
  /** A status name where it means one, any other word otherwise. */
  readonly type: string;
  /** What we had sent along; null when the event does not carry it. */
  readonly generation: number | null;
  readonly attempt: number | null;
  readonly occurredAt: Date;
  readonly providerMessageId: string | null;
  /** Why the receiver's address must not be written to again. */
  readonly suppress?: 'bounced' | 'complained' | 'unsubscribed';
  /** The provider has refused the message and never had it; elsewhere it may be taken. */
  readonly notTaken?: true;
  readonly metadata: Record<string, unknown>;
}

export type JsonObject = Record<string, unknown>;

/**
 * Why an event could not be tied to an e-mail: it carries none of our ids, the id is not (or no longer) ours, it has
 * a shape that we do not know, or it is no event of a message at all (`sync`: a provider's own suppression lists).
 */
type UnmatchedReason = 'no_email_id' | 'unknown_email' | 'not_understood' | 'sync';

/** A message as a provider's events name it when they name nothing of ours. */
export interface SoughtMessage {
  /** The provider's own id. */
  readonly providerMessageId: string;
  /** When the provider took it, as it says. */
  readonly takenAt: Date;
}

/** One event of a provider in our words, with what it was made from: nothing a provider tells us is thrown away. */
export type Normalised<Event = WebhookEvent> =
  | { readonly emailId: string; readonly event: Event; readonly raw: JsonObject }
  | {
      readonly unmatched: UnmatchedReason;
      readonly raw: JsonObject;
      /** It names the provider's id of the message: that may tell whose it is. */
      readonly sought?: SoughtMessage & { readonly event: Event };
    };

/** Why a provider's own list has an address, in the words of our suppressions. */
export type ListedFor = 'bounced' | 'complained' | 'unsubscribed';

/** One message as a provider adapter gets it: complete, in memory, checked. */
export interface OutgoingMessage {
  readonly emailId: string;
  readonly generation: number;
  readonly attempt: number;
  /** With angle brackets: `<id.generation@domain>`; the same for all attempts of a generation. */
  readonly messageId: string;
  readonly sender: string;
  readonly receiver: string;
  readonly replyTo: string | null;
  readonly subject: string;
  /** More headers, the client's and ours, such as `List-Unsubscribe`; ASCII, encoded where they have to be. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null when there is nothing to read in the HTML: then the message has no plain-text part. */
  readonly text: string | null;
  readonly html: string;
  /** Whether the provider is to count opens. False: it must not, whatever its account or domain is set to. */
  readonly trackOpens: boolean;
  readonly tags: readonly string[];
  readonly priority: 'critical' | 'medium' | 'low';
  readonly attachment: { readonly filename: string; readonly contentType: string; readonly bytes: Buffer } | null;
}

/** The provider has taken the message. */
export interface Accepted {
  readonly kind: 'accepted';
  /** The provider's own id of the message, without angle brackets, as its webhooks carry it. */
  readonly providerMessageId: string;
  /**
   * A code for "taken, but it will not go out soon", such as `hourly-quota-exhausted`: the provider has the message, so
   * nobody sends it again, but its breaker should know.
   */
  readonly note?: string;
}

/**
 * Why a message was not (or not surely) taken:
 * - `rejected`: this message, for good; never tried again.
 * - `throttled`: not now; not taken. The message may be tried again.
 * - `unavailable`: not taken, the provider has trouble. The message may be tried again.
 * - `misconfigured`: not taken, our account or settings are at fault; the message is not blamed.
 * - `ambiguous`: it may or may not have been taken; nobody may send it again before that is known.
 */
export type FailureKind = 'rejected' | 'throttled' | 'unavailable' | 'misconfigured' | 'ambiguous';

export interface Failed {
  readonly kind: FailureKind;
  /** A short stable code such as `http_503`, `timeout`, `Invalid_Key`: never a provider's sentence, never an address. */
  readonly code: string;
  /**
   * Whom the trouble concerns, when not the provider as a whole: the sender's domain there; or this message alone,
   * which is large and took longer than it may.
   */
  readonly scope?: 'sender_domain' | 'message';
  /** Why the provider's own list has the receiver, when that is what it refused the message for. */
  readonly listed?: ListedFor;
  /** How long the provider asked us to wait. */
  readonly retryAfterMs?: number;
}

export type SendResult = Accepted | Failed;

/** What a look-up found: what was taken, never what was refused. `none` proves nothing: providers' searches lag. */
export type LookUpResult =
  | {
      readonly kind: 'found';
      readonly providerMessageId: string;
      /** The provider says that the receiving server took it. */
      readonly delivered: boolean;
      /** Of a query for any attempt: which one it was, and when, as far as the provider tells. */
      readonly attempt?: number;
      readonly at?: Date;
    }
  | { readonly kind: 'none' }
  | { readonly kind: 'unsupported' };

/** What hands mail to one provider. Adapters keep no state between calls. */
export interface Adapter {
  /**
   * Makes exactly one call. Never throws for what a provider can do: every outcome is a `SendResult`.
   *
   * @param signal when it aborts, the connection is destroyed, and the result is `ambiguous` (or `unavailable` when
   *   it is certain that no byte of the message had been sent).
   */
  send(message: OutgoingMessage, signal: AbortSignal): Promise<SendResult>;
  /**
   * Makes a call that sends nothing, to find out whether the provider answers and lets us in. Never throws.
   *
   * @returns undefined when it does; otherwise what a call would have been told.
   */
  probe(signal: AbortSignal): Promise<Failed | undefined>;
  /**
   * Asks which of these messages were taken; the answers are in the order of the queries. Left out where there is
   * nothing to ask.
   *
   * @throws Error when it cannot ask.
   */
  lookUp?(queries: readonly LookUpQuery[], signal: AbortSignal): Promise<readonly LookUpResult[]>;
  /** What it has taken, to be read page by page. Left out where there is nothing to read. */
  readonly log?: ProviderLog;
}

/** An adapter whose provider can be asked. */
export type AskableAdapter = Adapter & Required<Pick<Adapter, 'lookUp'>>;

/** An adapter whose provider's log can be read. */
export type LoggedAdapter = Adapter & Required<Pick<Adapter, 'log'>>;

/** A provider's own log of what it has taken. */
export interface ProviderLog {
  /** How long it is kept at least, whatever the account: what it does not show of longer ago proves nothing. */
  readonly keptMs: number;
  /** How long after a message was taken the log may still lack it. */
  readonly lagMs: number;
  /**
   * Reads one page of what was taken since a moment: one call.
   *
   * @param next as the page before said; null for the first page.
   * @throws Error when it cannot be read; the message is a code.
   */
  readPage(since: Date, next: string | null, signal: AbortSignal): Promise<LogPage>;
  /**
   * What asks for the page after one that cannot be read; null: none is known. Left out where only a page itself tells
   * what follows it.
   */
  after?(next: string | null): string | null;
}

export interface LogPage {
  /** Those that name an e-mail; an e-mail may be on several pages, and several times on one. */
  readonly messages: readonly LoggedMessage[];
  /** Asks for the page that follows; null: this was the last one. */
  readonly next: string | null;
  /** The provider shows only a part of what belongs on this page. */
  readonly isCut?: boolean;
}

/** A message in a provider's log that says whose it is: an e-mail's id and generation stand in its variables. */
export interface LoggedMessage {
  readonly emailId: string;
  /** Where only its Message-ID says so: the domain in it, in lower case. Others have Message-IDs that look like ours. */
  readonly domain?: string;
  /** The provider answered that it does not take it. */
  readonly isRejected: boolean;
}

/** One search, for so many messages, so often, over all processes. */
export interface LookUpWindow {
  readonly everyMs: number;
  readonly size: number;
}

export interface LookUpQuery {
  readonly emailId: string;
  readonly generation: number;
  /** Null: any. */
  readonly attempt: number | null;
  /** With angle brackets. */
  readonly messageId: string;
  /** The provider's own id, where it is known. */
  readonly providerMessageId: string | null;
  readonly receiver: string;
  readonly startedAt: Date;
  /** When it was sent at the latest; left out: about then. */
  readonly startedBy?: Date;
}

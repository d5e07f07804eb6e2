/** The providers the sandbox stands in for. */
export const PROVIDERS = ['mailgun', 'mandrill'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

export interface AttachmentPart {
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** What one call asks a provider to send, in neither provider's own words. */
export interface Submission {
  readonly provider: ProviderName;
  readonly providerMessageId: string;
  /** With angle brackets. */
  readonly messageIdHeader: string;
  readonly sender: string;
  readonly receiver: string;
  readonly subject: string;
  readonly text: string | null;
  readonly html: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly attachments: readonly AttachmentPart[];
  readonly tags: readonly string[];
  /** Mailgun's `v:` values, Mandrill's `metadata`: comes back in every event. */
  readonly variables: Readonly<Record<string, string>>;
  readonly trackOpens: boolean;
}

/** A message a provider has taken (or, with `refusal`, has answered as refused): all that is kept beside the raw mail and the bodies. */
export interface Message {
  /** The sandbox's own id; also the name of the message's pixel. */
  readonly id: string;
  readonly provider: ProviderName;
  readonly providerMessageId: string;
  readonly messageIdHeader: string;
  readonly emailId: string | null;
  readonly generation: number | null;
  readonly attempt: number | null;
  readonly sender: string;
  readonly receiver: string;
  readonly subject: string;
  /** Without the Message-ID. Absent, like `trackOpens`, in a journal of a release before. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the call asked the provider to add a pixel of its own. */
  readonly trackOpens?: boolean;
  readonly tags: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  readonly attachments: readonly { filename: string; contentType: string; sizeBytes: number; sha256: string }[];
  readonly sizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly acceptedAtMs: number;
  /** How long the provider keeps it back before it begins to deliver (a used-up quota). */
  readonly heldMs: number;
  /** Mandrill's `reject_reason` when the answer said "rejected": not accepted, never delivered. */
  readonly refusal: string | null;
}

/** What can happen to a message. */
const HAPPENINGS = [
  'accepted',
  'delivered',
  'deferred',
  'hard_bounce',
  'soft_bounce',
  'suppressed',
  'rejected',
  'opened',
  'clicked',
  'complained',
  'unsubscribed',
] as const;
export type Happening = (typeof HAPPENINGS)[number];

export interface MessageEvent {
  readonly id: string;
  readonly messageId: string;
  readonly type: Happening;
  readonly atMs: number;
  /** Whether a webhook tells of it. */
  readonly webhook: boolean;
  /** Mailgun's webhook token; kept, because repeats carry the first signature. */
  readonly token: string;
}

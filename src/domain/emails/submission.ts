import type { Priority } from '../../priority.js';

/** An e-mail as a client submits it, validated. */
export interface Submission {
  readonly clientId: string;
  readonly priority: Priority;
  /** As submitted. */
  readonly sender: string;
  readonly receiver: string;
  /** Bare and in lower case. */
  readonly receiverAddress: string;
  readonly subject: string;
  readonly content: string;
  readonly contentType: 'text/plain' | 'text/html';
  /** The text, where `content` is HTML and both were given. */
  readonly alternative?: string | null;
  readonly replyTo: string | null;
  readonly metadata: Record<string, unknown>;
  readonly tags: readonly string[];
  /** More headers, checked; null for none. */
  readonly headers?: Readonly<Record<string, string>> | null;
  /** Null: as its client has it at this moment. */
  readonly trackOpens?: boolean | null;
  /** In the future; null: now. */
  readonly sendAt: Date | null;
  readonly deadlineMs: number;
  /** Already staged as chunks under `emailId`. */
  readonly attachment: StagedAttachment | null;
  readonly idempotency: Idempotency | null;
  /** The API key of who submits it: it must be valid still. Left out for what we write ourselves. */
  readonly keyId?: string;
  /** The e-mail that this one sends again: its attachment comes along, from the spool or by its place in storage. */
  readonly resendOf?: string;
  /** The span that it is submitted in (W3C Trace Context). */
  readonly traceparent?: string;
  /** The e-mail that this one tells the failure of. */
  readonly noticeFor?: string;
}

export interface StagedAttachment {
  readonly emailId: string;
  readonly filename: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface Idempotency {
  /** Whose the key is: of the client that asks, which is another one's than the e-mail when an operator does. */
  readonly clientId: string;
  readonly key: string;
  /** SHA-256 of everything submitted: the same key with another hash is another request. */
  readonly requestHash: Buffer;
}

/** What the client is told, and what a repeat of its request is told again. */
export interface Acceptance {
  readonly id: string;
  readonly status: string;
  readonly priority: Priority;
  /** RFC 3339, in milliseconds. */
  readonly createdAt: string;
  readonly deadlineAt: string;
}

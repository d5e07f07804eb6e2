import type { IncomingHttpHeaders } from 'node:http';
import type { BodySink } from './body-sink.js';
import type { Normalised } from './event.js';

/**
 * How one provider's webhooks are read. Nobody knows who sends a request until its signature was checked, so what comes
 * before that is bounded, makes nothing of the body, and is cheap; see `src/webhooks/body.ts` for the bounds that all
 * formats have in common.
 */
export interface WebhookFormat<Settings = unknown> {
  /** The provider's words for events, and our statuses (or words of ours that are no status). */
  readonly eventTypes: Readonly<Record<string, string>>;
  /**
   * Looks at the headers alone and says how the body is to be read.
   *
   * @throws NotUnderstoodError, WebhookRefusedError when no body can make it right: then none is read.
   */
  open(headers: IncomingHttpHeaders, settings: Settings): Reading;
}

/** A webhook whose body is being read. */
export interface Reading {
  /** A larger body is refused. */
  readonly maxBytes: number;
  /** Takes the body as it comes. */
  readonly sink: BodySink;
  /**
   * Called once, after the last piece: first makes sure who sent it, then takes it apart.
   *
   * @throws WebhookRefusedError, NotUnderstoodError
   */
  verify(now: Date): Promise<VerifiedWebhook>;
}

/** A webhook that its provider has sent, in our words. */
type VerifiedWebhook = OnceOnlyWebhook | WebhookBatch;

/**
 * The signature covers a token and not the body, so whoever has seen one could send another body under it: the token is
 * stored with the event, and stands for this content alone.
 */
export interface OnceOnlyWebhook {
  readonly token: string;
  /** What the token stands for. */
  readonly content: Buffer;
  readonly event: Normalised;
}

/** The signature covers the events, and each has a key: sent again, they change nothing. */
export interface WebhookBatch {
  readonly events: readonly Normalised[];
}

/** The body of a webhook is not of the provider's format. Answered with 400. */
export class NotUnderstoodError extends Error {
  override readonly name = 'NotUnderstoodError';
}

/** Nothing proves that the provider has sent it, or has sent it now. Answered with 401. */
export class WebhookRefusedError extends Error {
  override readonly name = 'WebhookRefusedError';
  constructor(readonly code: 'bad_signature' | 'too_old' | 'ahead_of_time' | 'token_reused') {
    super(code);
  }
}

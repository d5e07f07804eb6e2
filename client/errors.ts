import type { Operations } from './generated/operations.js';

/** A code that the API of this release gives. Others can come: a newer api, or a proxy before it. */
export type ProblemCode = Operations[keyof Operations]['problem'];

/** One fault of a request. */
export interface FieldFault {
  /** Which field; a path in a document: `attachment.filename`. */
  readonly field: string;
  readonly code: string;
  readonly message: string;
}

/** What every error of the client has. */
export interface TempostErrorDetails {
  /** How often the request was made. */
  readonly attempts: number;
  /** Under which the request was made: made again with it, an e-mail is accepted once. */
  readonly idempotencyKey?: string;
  readonly cause?: unknown;
}

/** Whatever the client throws because of an answer, or because there was none. */
export class TempostError extends Error {
  override readonly name: string = 'TempostError';
  readonly attempts: number;
  readonly idempotencyKey: string | undefined;

  constructor(message: string, { attempts, idempotencyKey, cause }: TempostErrorDetails) {
    super(message, { cause });
    this.attempts = attempts;
    this.idempotencyKey = idempotencyKey;
  }
}

interface ProblemBody {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly FieldFault[];
}

/** The API refused the request (`application/problem+json`, RFC 9457). */
export class ProblemError extends TempostError {
  override readonly name: string = 'ProblemError';
  readonly status: number;
  /** Stable: programs go by it. */
  readonly code: ProblemCode | (string & {});
  /** For people. */
  readonly detail: string;
  /** Every fault that was found, where fields are not valid. */
  readonly errors: readonly FieldFault[];
  /** By which the api's log knows the request. */
  readonly requestId: string | undefined;
  /** When the API wants to be asked again. */
  readonly retryAfterMs: number | undefined;

  constructor(
    { status, code, detail, errors }: ProblemBody,
    at: { readonly requestId?: string; readonly retryAfterMs?: number },
    details: TempostErrorDetails,
  ) {
    super(`${detail} (${status} ${code})`, details);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.errors = errors;
    this.requestId = at.requestId;
    this.retryAfterMs = at.retryAfterMs;
  }
}

/** An answer that is none of Tempost's, such as a proxy's page. */
export class UnexpectedAnswerError extends TempostError {
  override readonly name: string = 'UnexpectedAnswerError';

  constructor(
    readonly status: number,
    details: TempostErrorDetails,
  ) {
    super(`The answer was ${status}, and is not Tempost’s. Is this the address of its api?`, details);
  }
}

/** No answer came: the connection failed or broke, or it took too long. A request may have been carried out all the same. */
export class NoAnswerError extends TempostError {
  override readonly name: string = 'NoAnswerError';

  constructor(
    /** Such as `ECONNREFUSED`; `timeout` when it took too long. */
    readonly code: string,
    origin: string,
    details: TempostErrorDetails,
  ) {
    super(`No answer from ${origin} (${code}). Is the api running?`, details);
  }
}

import type { ServiceLimits } from '../http/limits.js';

/**
 * What one request, and all of them together, may cost before anybody knows who sends them. How large a body may be at
 * all is for each provider's format to say. Sizes are bytes.
 */
export interface WebhookLimits extends ServiceLimits {
  /** Up to here a body is small: nearly every webhook is, and large ones never take its room. */
  readonly smallBytes: number;
  /** All small bodies together, and all large ones, from their first byte to their answer. */
  readonly smallBudgetBytes: number;
  readonly largeBudgetBytes: number;
  /** When a budget is used up, who has been arriving for longer than this makes room for who has just come. */
  readonly patienceMs: number;
  /** Batches larger than a small body that are taken apart and stored at once. */
  readonly largeAtOnce: number;
  /** From the end of the headers to the end of the body. */
  readonly bodyTimeoutMs: number;
  /** How long the signals that are under way may take when the process is told to stop; others are the dispatcher's. */
  readonly signalGraceMs: number;
}

const KB = 1024;
const MB = 1024 * KB;

export const WEBHOOK_LIMITS: WebhookLimits = {
  smallBytes: 64 * KB,
  smallBudgetBytes: 32 * MB,
  largeBudgetBytes: 64 * MB,
  // To keep a slow genuine batch out, somebody has to send 32 MB in each second of it.
  patienceMs: 2_000,
  // JSON of 16 MB becomes some 100 MB of objects.
  largeAtOnce: 2,
  bodyTimeoutMs: 60_000,
  signalGraceMs: 5_000,
  progressWindowMs: 5_000,
  progressBytes: 4 * KB,
  headersTimeoutMs: 10_000,
  connections: 2_000,
  leftoverBytes: 32 * MB,
  leftoverMs: 10_000,
  answerMs: 60_000,
  answerBytesPerS: 64 * KB,
  pixelsAtOnce: 3,
  pixelsWaiting: 1_000,
};

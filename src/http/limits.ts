import type { AnswerLimits } from './unread.js';

/** What one request, and all connections together, may cost any HTTP service of ours. Sizes are bytes. */
export interface ServiceLimits extends AnswerLimits {
  /** A body must bring `progressBytes` in each stretch of `progressWindowMs`, or it is given up. */
  readonly progressWindowMs: number;
  readonly progressBytes: number;
  /** From the connection to the end of the headers. */
  readonly headersTimeoutMs: number;
  /** Beyond this the connection goes that has been of no use for the longest. */
  readonly connections: number;
  /** How much, and for how long, is read of a body that was answered before its end, so that its sender sees why. */
  readonly leftoverBytes: number;
  readonly leftoverMs: number;
  /** Opens by our own pixel that are recorded at once, and that wait for it: others need the connections more. */
  readonly pixelsAtOnce: number;
  readonly pixelsWaiting: number;
}

import type { ServiceLimits } from '../http/limits.js';

/** What one request may cost. Sizes are bytes, 1 MB here being 1024 × 1024 bytes. */
export interface ApiLimits extends ServiceLimits {
  /** The largest attachment. 18 MB become 24.7 MB in base64, which fits the smallest provider limit (25 MB). */
  readonly attachmentBytes: number;
  /** The largest content. */
  readonly contentBytes: number;
  /** The largest message a provider takes, encoded, attachment and both bodies together. */
  readonly messageBytes: number;
  /**
   * What submissions that are being read hold in this process at once, shared among the clients: the submissions, the
   * memory for their fields, and those of them that have an attachment. One client alone gets half; see `Shares`.
   */
  readonly concurrentBodies: number;
  readonly fieldBytes: number;
  readonly concurrentUploads: number;
  /** From the end of the headers to the end of the body. */
  readonly uploadTimeoutMs: number;
  /** Searches that run at once, and that wait. */
  readonly searchesAtOnce: number;
  readonly searchesWaiting: number;
  /**
   * Contents and attachments that are read at once, and that wait. An attachment holds a chunk of 256 KB or two, a content
   * up to 20 MB.
   */
  readonly downloadsAtOnce: number;
  readonly downloadsWaiting: number;
  /** Of those who come back from the identity provider, which is asked who they are: at once, and waiting. */
  readonly signInsAtOnce: number;
  readonly signInsWaiting: number;
}

const MB = 1024 * 1024;

export const API_LIMITS: ApiLimits = {
  attachmentBytes: 18 * MB,
  contentBytes: 5 * MB,
  messageBytes: 25 * MB,
  concurrentBodies: 1_000,
  // Half a gigabyte at the very worst, from authenticated clients only, and of one client half of that.
  fieldBytes: 512 * MB,
  // Each holds one chunk of 256 KB.
  concurrentUploads: 200,
  uploadTimeoutMs: 120_000,
  progressWindowMs: 10_000,
  // 16 KB a second: the largest attachment needs ten times that to be there in time.
  progressBytes: 160 * 1024,
  headersTimeoutMs: 10_000,
  connections: 2_000,
  leftoverBytes: 64 * MB,
  leftoverMs: 30_000,
  // The largest content, 20 MB as JSON, has six minutes.
  answerMs: 60_000,
  answerBytesPerS: 64 * 1024,
  pixelsAtOnce: 3,
  pixelsWaiting: 1_000,
  searchesAtOnce: 3,
  searchesWaiting: 100,
  downloadsAtOnce: 20,
  downloadsWaiting: 100,
  signInsAtOnce: 8,
  signInsWaiting: 100,
};

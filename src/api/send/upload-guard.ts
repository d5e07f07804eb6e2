import type { IncomingMessage } from 'node:http';
import { Problem } from '../../http/problem.js';
import type { ApiLimits } from '../limits.js';

/** Watches one body arrive. */
export interface UploadGuard {
  /** Told of every piece of the body. */
  received(bytes: number): void;
  /** Rejects with a 408 when the client is too slow, a 413 when it sends too much; never resolves. */
  readonly expired: Promise<never>;
  /** Ends the watch. */
  end(): void;
}

/** Room for part headers and small fields, beside attachment and content. */
const OVERHEAD_BYTES = 1024 * 1024;

/** The largest body that can hold an acceptable form. */
export const maxBodyBytes = (limits: ApiLimits) => limits.attachmentBytes + limits.contentBytes + OVERHEAD_BYTES;

/** What a client is told whose attachment or content is beyond the limits. */
export function tooLarge(limits: ApiLimits): Problem {
  const detail = `At most ${limits.attachmentBytes} bytes of attachment and ${limits.contentBytes} bytes of content are taken.`;
  return new Problem(413, 'too_large', detail);
}

/**
 * Gives up on a client that takes too long, sends too little or does not stop, so that slow clients hold nothing for long. While we
 * are the ones who pause (the database is slow), or once all has arrived, the client is not blamed.
 */
export function guardUpload(request: IncomingMessage, limits: ApiLimits): UploadGuard {
  let inWindow = 0;
  let allBytes = 0;
  let giveUp: (problem: Problem) => void = () => {};
  const expired = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  // Heard here as well: a body that arrived in time leaves a promise that nobody waits for.
  expired.catch(() => undefined);
  const slow = (detail: string) => {
    if (request.complete) return;
    giveUp(new Problem(408, 'upload_too_slow', detail, { headers: { Connection: 'close' } }));
  };
  const total = setTimeout(
    () => slow(`The body has to arrive within ${limits.uploadTimeoutMs / 1000} seconds.`),
    limits.uploadTimeoutMs,
  );
  const progress = setInterval(() => {
    const tooLittle = inWindow < limits.progressBytes && !request.isPaused();
    inWindow = 0;
    if (tooLittle) slow(`Less than ${limits.progressBytes} bytes came in ${limits.progressWindowMs / 1000} seconds.`);
  }, limits.progressWindowMs);
  return {
    received: (bytes) => {
      inWindow += bytes;
      allBytes += bytes;
      // A body whose length was not announced can have any. What still comes is thrown away, until the server's own
      // time-out: closing now would reset the connection, and the client would never see why.
      if (allBytes > maxBodyBytes(limits)) giveUp(tooLarge(limits));
    },
    expired,
    end: () => {
      clearTimeout(total);
      clearInterval(progress);
    },
  };
}

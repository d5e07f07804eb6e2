import type { IncomingMessage } from 'node:http';
import type { ApiLimits } from '../limits.js';
import { Problem } from '../problem.js';

/** Watches one body arrive. */
export interface UploadGuard {
  /** Told of every piece of the body. */
  received(bytes: number): void;
  /** Rejects with a 408 when the client is too slow; never resolves. */
  readonly expired: Promise<never>;
  /** Ends the watch. */
  end(): void;
}

/**
 * Gives up on a client that takes too long or sends too little, so that slow clients hold nothing for long. While we
 * are the ones who pause (the database is slow), the client is not blamed.
 */
export function guardUpload(request: IncomingMessage, limits: ApiLimits): UploadGuard {
  let inWindow = 0;
  let giveUp: (problem: Problem) => void = () => {};
  const expired = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  // Heard here as well: a body that arrived in time leaves a promise that nobody waits for.
  expired.catch(() => undefined);
  const slow = (detail: string) =>
    giveUp(new Problem(408, 'upload_too_slow', detail, { headers: { Connection: 'close' } }));
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
    },
    expired,
    end: () => {
      clearTimeout(total);
      clearInterval(progress);
    },
  };
}

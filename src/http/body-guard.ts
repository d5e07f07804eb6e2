import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.js';

/** What one body may cost while it arrives. */
export interface BodyPace {
  /** From the beginning of the watch to the end of the body. */
  readonly totalMs: number;
  /** A body must bring `windowBytes` in each stretch of `windowMs`, or it is given up. */
  readonly windowMs: number;
  readonly windowBytes: number;
  /** More than this is too large, whatever length was announced. */
  readonly maxBytes: number;
}

/** Watches one body arrive. */
export interface BodyGuard {
  /** Told of every piece of the body. */
  received(bytes: number): void;
  /** Rejects with a 408 when the sender is too slow, with what `tooLarge` makes when it sends too much, with a 400 when it is gone; never resolves. */
  readonly expired: Promise<never>;
  /** Ends the watch. */
  end(): void;
}

/**
 * Gives up on a sender that takes too long, sends too little or does not stop, so that slow ones hold nothing for long.
 * While we are the ones who pause (the database is slow), or once all has arrived, the sender is not blamed.
 *
 * @param problems the code of the 408, and what is thrown beyond `maxBytes`.
 */
export function guardBody(
  request: IncomingMessage,
  pace: BodyPace,
  problems: { readonly slowCode: string; readonly tooLarge: () => Problem },
): BodyGuard {
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
    giveUp(new Problem(408, problems.slowCode, detail, { headers: { Connection: 'close' } }));
  };
  const total = setTimeout(() => slow(`The body has to arrive within ${pace.totalMs / 1000} seconds.`), pace.totalMs);
  const progress = setInterval(() => {
    const tooLittle = inWindow < pace.windowBytes && !request.isPaused();
    inWindow = 0;
    if (tooLittle) slow(`Less than ${pace.windowBytes} bytes came in ${pace.windowMs / 1000} seconds.`);
  }, pace.windowMs);
  // A connection can be gone before anyone listens to the request, with bytes that were never read: neither an end nor an
  // error comes then, and `complete` says that all has arrived.
  const onClose = () => {
    if (!request.readableEnded)
      giveUp(new Problem(400, 'incomplete_body', 'The connection broke before the body was read.'));
  };
  if (request.destroyed) onClose();
  else request.once('close', onClose);
  return {
    received: (bytes) => {
      inWindow += bytes;
      allBytes += bytes;
      // A body whose length was not announced can have any. What still comes is thrown away, until the server's own
      // time-out: closing now would reset the connection, and the sender would never see why.
      if (allBytes > pace.maxBytes) giveUp(problems.tooLarge());
    },
    expired,
    end: () => {
      clearTimeout(total);
      clearInterval(progress);
      request.off('close', onClose);
    },
  };
}

import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';

/** How much, and for how long, is read of a body after the answer. */
interface LeftoverLimits {
  readonly leftoverBytes: number;
  readonly leftoverMs: number;
}

/**
 * Bounds what is read of bodies that were answered before their end. Closing at once would reset the connection, and
 * the sender would never see the answer; reading on without a bound would serve whoever never stops.
 */
export function boundLeftovers(limits: LeftoverLimits): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } finally {
      // Of one that is gone nothing comes, not even its end: waiting for it would keep the request for all that time.
      if (!ctx.req.complete && !ctx.req.destroyed) discard(ctx.req, limits);
    }
  };
}

function discard(request: IncomingMessage, { leftoverBytes, leftoverMs }: LeftoverLimits): void {
  let leftBytes = leftoverBytes;
  const cutOff = () => request.socket.destroy();
  const timer = setTimeout(cutOff, leftoverMs);
  const done = () => clearTimeout(timer);
  request.on('error', () => {});
  request.on('end', done).on('close', done);
  request.on('data', (piece: Buffer) => {
    leftBytes -= piece.length;
    if (leftBytes < 0) cutOff();
  });
}

import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.js';

/**
 * Hands on the pieces of a request's body as they come. Unlike an iteration it can be stopped without ending the
 * connection, and with it the answer; see `boundLeftovers` for what comes after.
 *
 * @param take what it throws ends the arrival.
 */
export function arrivalOf(request: IncomingMessage, take: (piece: Buffer) => void) {
  let stop: () => void = () => {};
  const arrived = new Promise<void>((resolve, reject) => {
    const onData = (piece: Buffer) => {
      try {
        take(piece);
      } catch (error) {
        end();
        reject(error);
      }
    };
    const onEnd = () => {
      end();
      resolve();
    };
    const onBreak = () => {
      end();
      reject(new Problem(400, 'incomplete_body', 'The body ended before it was complete.'));
    };
    const end = () => void request.off('data', onData).off('end', onEnd).off('error', onBreak).off('close', onBreak);
    stop = end;
    // An error after the end of interest must not be unheard.
    request.on('error', () => {});
    request.on('data', onData).on('end', onEnd).on('error', onBreak).on('close', onBreak);
  });
  // Heard here as well: after a stop nobody may wait for it.
  arrived.catch(() => undefined);
  return { arrived, stop };
}

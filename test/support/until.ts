import { setTimeout as delay } from 'node:timers/promises';
import { patient } from './patience.js';

/**
 * Waits for a condition, looking every 100 ms.
 *
 * @param idleMs how long it may take on an idle machine; see `patient`.
 * @throws Error naming the condition when it has not come true in time; errors of the look itself count as "not yet".
 */
export async function until(
  what: string | (() => string),
  look: () => Promise<boolean> | boolean,
  idleMs = 30_000,
): Promise<void> {
  const timeoutMs = patient(idleMs);
  const end = Date.now() + timeoutMs;
  let last: unknown;
  while (Date.now() < end) {
    try {
      if (await look()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await delay(100);
  }
  const name = typeof what === 'string' ? what : what();
  throw new Error(`Not within ${timeoutMs} ms: ${name}${last ? ` (${String(last)})` : ''}`);
}

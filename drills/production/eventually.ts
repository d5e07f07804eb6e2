import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits for what a cluster takes to come up; errors of the look count as "not yet".
 *
 * @throws Error that names it, and the last error, when it is not so in time.
 */
export async function eventually(what: string, look: () => Promise<boolean>, withinMs: number): Promise<void> {
  const giveUpAt = Date.now() + withinMs;
  let last: unknown;
  while (Date.now() < giveUpAt) {
    try {
      if (await look()) return;
    } catch (error) {
      last = error;
    }
    await delay(100);
  }
  throw new Error(`not within ${withinMs} ms: ${what}${last ? ` (${String(last)})` : ''}`);
}

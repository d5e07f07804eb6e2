import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; false when the sandbox is stopped meanwhile. */
export async function pause(delayMs: number, stopping: AbortSignal): Promise<boolean> {
  if (delayMs <= 0) return !stopping.aborted;
  return sleep(delayMs, true, { signal: stopping }).catch(() => false);
}

/** Runs at most so many tasks at a time, in the order in which they came. */
export function limit(atOnce: number): <T>(task: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      // The place is handed over, not freed: nobody can slip in between.
      if (next) next();
      else running -= 1;
    }
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Carrier } from './carrier.js';
import type { SandboxOptions } from './config.js';
import type { FaultTable } from './faults.js';
import type { Inbox } from './inbox.js';
import type { Pauses } from './pauses.js';
import type { Store } from './store.js';

/** What the parts of one running sandbox share. */
export interface Box {
  readonly options: SandboxOptions;
  /** Where this sandbox is reached; no slash at the end. */
  readonly url: string;
  readonly store: Store;
  readonly faults: FaultTable;
  readonly pauses: Pauses;
  readonly carrier: Carrier;
  readonly inbox: Inbox | null;
  /** Mandrill's searches since the start; refused are those beyond its limit. */
  readonly searches: { answered: number; refused: number };
  readonly stopping: AbortSignal;
}

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

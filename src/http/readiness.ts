import { setTimeout } from 'node:timers/promises';
import { Problem } from './problem.js';
import { sharedLook } from './shared-look.js';

/** Whoever asks has a time-out, too. */
const PATIENCE_MS = 2_000;

const SENTENCES = {
  stopping: 'This process is being stopped: others take requests.',
  database_unavailable: 'The database cannot be reached now.',
  database_not_migrated: 'The database is not migrated.',
  database_too_new: 'A newer release took away what this process needs of the database.',
} as const;

type Fault = keyof typeof SENTENCES;

/** Whether a service should get requests, for load balancers. */
export interface Readiness {
  /** `stop` was called. What would last for as long as its reader likes ends. */
  readonly isStopping: boolean;
  /** @throws Problem (503) while it should get none. One look at the database for all who ask at the same time. */
  assertReady(): Promise<void>;
  /** From now on it should get none, though it answers those that come. */
  stop(): void;
}

/** @param look what speaks against the database; whatever it throws, or after 2 s, the database cannot be reached. */
export function createReadiness(look: () => Promise<Exclude<Fault, 'stopping'> | undefined>): Readiness {
  let isStopping = false;
  const shared = sharedLook(look);
  const ask = (): Promise<Fault | undefined> =>
    Promise.race([
      shared().catch(() => 'database_unavailable' as const),
      setTimeout(PATIENCE_MS, 'database_unavailable' as const, { ref: false }),
    ]);
  return {
    get isStopping() {
      return isStopping;
    },
    async assertReady() {
      const fault = isStopping ? 'stopping' : await ask();
      if (fault) throw new Problem(503, fault, SENTENCES[fault], { headers: { 'Retry-After': '5' } });
    },
    stop() {
      isStopping = true;
    },
  };
}

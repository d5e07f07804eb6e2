import { repeat } from './loop.js';

/** A process that ends does not wait for a database that is away. */
const GOODBYE_MS = 2_000;
/** That the database is away is said by those who need it for more than this. */
const NO_LOG = { info: () => {}, warn: () => {} };

/** Where a process says that it runs. */
interface Place<Vitals> {
  readonly everyMs: number;
  beat(vitals: Vitals | undefined): Promise<unknown>;
  goodbye(): Promise<unknown>;
}

/** The heartbeat of this process. */
export interface Heartbeat<Vitals> {
  /** From now on each beat says this as well. */
  tell(vitals: () => Promise<Vitals> | Vitals): void;
  /** Ends it and says goodbye. */
  stop(): Promise<void>;
}

/**
 * Says again and again that this process runs, for as long as its event loop does. While the place is away nothing waits
 * for it, and it beats again once the place is back.
 */
export function startHeartbeat<Vitals>(place: Place<Vitals>): Heartbeat<Vitals> {
  let vitals: (() => Promise<Vitals> | Vitals) | undefined;
  const beat = async () => {
    await place.beat(await vitals?.());
    return place.everyMs;
  };
  const beating = repeat('heartbeat', beat, NO_LOG);
  return {
    tell(told) {
      vitals = told;
      beating.wake();
    },
    async stop() {
      // Whoever is not told finds out by the silence.
      const ended = beating.stop().then(() => place.goodbye());
      let timer: NodeJS.Timeout | undefined;
      const tooLong = new Promise((resolve) => {
        timer = setTimeout(resolve, GOODBYE_MS);
      });
      await Promise.race([ended.catch(() => {}), tooLong]);
      clearTimeout(timer);
    },
  };
}

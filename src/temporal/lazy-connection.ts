import type { TemporalLink } from './connection.js';

/** A link that is made when it is first needed: its process starts, and works on, without Temporal. */
export interface LazyTemporal {
  /** @throws when the server cannot be reached now; the next caller tries again. */
  link(): Promise<TemporalLink>;
  close(): Promise<void>;
}

/** Connects at the first need and keeps the connection. */
export function lazyTemporal(connect: () => Promise<TemporalLink>): LazyTemporal {
  let made: Promise<TemporalLink> | undefined;
  return {
    link() {
      made ??= connect().catch((error) => {
        made = undefined;
        throw error;
      });
      return made;
    },
    async close() {
      const link = await made?.catch(() => undefined);
      await link?.close();
    },
  };
}

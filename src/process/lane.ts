/**
 * Runs a few things at once and has the others wait in turn. For work that has no owner: any number may wait, and a turn
 * costs the same however many do. Where owners share the places, see `FairLane`.
 */
export interface Lane {
  /** @returns undefined, at once, when too many wait already. */
  run<T>(work: () => Promise<T>): Promise<T> | undefined;
}

/**
 * @param atOnce how many run side by side.
 * @param mostWaiting how many more are let wait.
 */
export function createLane(atOnce: number, mostWaiting = Number.POSITIVE_INFINITY): Lane {
  const waiting: (() => void)[] = [];
  let running = 0;
  const turn = () => {
    if (running < atOnce) {
      running++;
      return Promise.resolve();
    }
    return new Promise<void>((resolve) => waiting.push(resolve));
  };
  const next = () => {
    const first = waiting.shift();
    // The place passes on as it is.
    if (first) first();
    else running--;
  };
  return {
    run(work) {
      if (running >= atOnce && waiting.length >= mostWaiting) return undefined;
      return turn().then(work).finally(next);
    },
  };
}

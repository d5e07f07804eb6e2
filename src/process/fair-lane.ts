/**
 * Runs a few things at once for many owners, and has the others wait in turn. No owner can take all places from the
 * others. Each turn looks at all that wait, so `mostWaiting` is small. For work without owners, see `Lane`.
 */
export interface FairLane {
  /** @returns undefined, at once, when too many of this owner wait already. */
  run<T>(owner: string, work: () => Promise<T>): Promise<T> | undefined;
}

interface FairLaneOptions {
  /** How many run side by side. */
  readonly atOnce: number;
  /** How many more are let wait; of one owner, half of the places that the others leave. */
  readonly mostWaiting: number;
  /**
   * Work that lasts as long as its owner likes: of the places to run, too, one owner then has half of what the others
   * leave, and one place when any is free. Else it may have all of them, and goes last when one comes free.
   */
  readonly isLasting?: boolean;
}

export function createFairLane({ atOnce, mostWaiting, isLasting = false }: FairLaneOptions): FairLane {
  const held = new Map<string, number>();
  const waiting: { readonly owner: string; readonly begin: () => void }[] = [];
  let running = 0;

  const heldBy = (owner: string) => held.get(owner) ?? 0;
  const mayBegin = (owner: string) =>
    running < atOnce && (!isLasting || heldBy(owner) === 0 || heldBy(owner) + 2 <= atOnce - running);
  const mayWait = (owner: string) =>
    waiting.filter((each) => each.owner === owner).length < mostWaiting - waiting.length;
  const begin = (owner: string) => {
    running++;
    held.set(owner, heldBy(owner) + 1);
  };
  /** Of those that may: who has the least running, and of these who has waited longest. */
  const nextInTurn = () =>
    waiting
      .filter(({ owner }) => mayBegin(owner))
      .reduce<(typeof waiting)[number] | undefined>(
        (first, each) => (first && heldBy(first.owner) <= heldBy(each.owner) ? first : each),
        undefined,
      );
  const end = (owner: string) => {
    running--;
    if (heldBy(owner) > 1) held.set(owner, heldBy(owner) - 1);
    else held.delete(owner);
    for (let next = nextInTurn(); next; next = nextInTurn()) {
      waiting.splice(waiting.indexOf(next), 1);
      begin(next.owner);
      next.begin();
    }
  };
  const turnOf = (owner: string) => {
    if (!mayBegin(owner)) return new Promise<void>((resolve) => waiting.push({ owner, begin: resolve }));
    begin(owner);
    return Promise.resolve();
  };
  return {
    run(owner, work) {
      if (!mayBegin(owner) && !mayWait(owner)) return undefined;
      return turnOf(owner)
        .then(work)
        .finally(() => end(owner));
    },
  };
}

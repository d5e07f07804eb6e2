import type { ProviderName } from '../message.js';
import type { FaultTable, PausePoint } from './faults.js';

/** A request that has come to a pause point. */
export interface Reached {
  readonly point: PausePoint;
  readonly provider: ProviderName;
  /** Null where the sandbox cannot know it yet: the body has not been read. */
  readonly email_id: string | null;
  readonly generation: number | null;
  readonly attempt: number | null;
}

interface Held {
  readonly reached: Reached;
  readonly letGo: () => void;
}

interface Waiter {
  readonly point: PausePoint | null;
  readonly answer: (reached: Reached | null) => void;
}

/** Holds requests at the point that `faults.pausePoint` names and tells whoever waits that one is there. */
export class Pauses {
  private readonly held = new Set<Held>();
  private readonly waiters = new Set<Waiter>();
  /** The setting that `timesUsed` counts for: setting the faults anew counts anew. */
  private countedFor: unknown = null;
  private timesUsed = 0;

  constructor(private readonly faults: FaultTable) {}

  /** Returns `passed` at once when nothing is to be held here, else `held` once the request is let go. */
  async reach(reached: Reached): Promise<'passed' | 'held'> {
    const faults = this.faults.get();
    if (faults.pausePoint !== reached.point) return 'passed';
    if (faults.pauseProvider !== null && faults.pauseProvider !== reached.provider) return 'passed';
    if (this.countedFor !== faults) {
      this.countedFor = faults;
      this.timesUsed = 0;
    }
    if (faults.pauseTimes !== null && this.timesUsed >= faults.pauseTimes) return 'passed';
    this.timesUsed += 1;
    await new Promise<void>((resolve) => {
      const held: Held = {
        reached,
        letGo: () => {
          clearTimeout(timer);
          this.held.delete(held);
          resolve();
        },
      };
      const timer = setTimeout(held.letGo, faults.holdMs);
      this.held.add(held);
      for (const waiter of this.waiters) {
        if (waiter.point === null || waiter.point === reached.point) waiter.answer(reached);
      }
    });
    return 'held';
  }

  /** The first request held at a point (any, when null); waits for one; null when none comes in time. */
  waitFor(point: PausePoint | null, timeoutMs: number): Promise<Reached | null> {
    for (const { reached } of this.held) if (point === null || reached.point === point) return Promise.resolve(reached);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        point,
        answer: (reached) => {
          clearTimeout(timer);
          this.waiters.delete(waiter);
          resolve(reached);
        },
      };
      const timer = setTimeout(() => waiter.answer(null), timeoutMs);
      this.waiters.add(waiter);
    });
  }

  /** The requests that are held now. */
  list(): Reached[] {
    return [...this.held].map(({ reached }) => reached);
  }

  /** Lets every held request go on; returns how many there were. */
  release(): number {
    const held = [...this.held];
    for (const { letGo } of held) letGo();
    return held.length;
  }

  /** Ends all waiting. */
  stop(): void {
    this.release();
    for (const waiter of [...this.waiters]) waiter.answer(null);
  }
}

import type { Started, TimeToFirstCall } from '../domain/queue/time-to-first-call.js';

/** The least that counts as a long time to the first call: through idle servers on one machine it takes 20 to 30 ms. */
const LONG_AT_LEAST_MS = 60;
/** However slow the quickest was: a dispatcher that began in the middle of a backlog has seen no other. */
const LONG_AT_MOST_MS = 1_000;
/** Times differ by a factor of two by themselves; beyond that it is queueing. */
export const LONG_FACTOR = 2.5;
/** A single time can be short by chance, as when a workflow was running already: the median of so many counts. */
const TOGETHER = 5;
/** How long the quickest is remembered: at least so long, at most twice. Backlogs pass sooner, and servers change. */
const REMEMBERED_MS = 6 * 3_600_000;
/** One that has not begun by then is counted with its time so far. */
const COUNTED_AFTER_MS = 1_000;
/** The shares of a limit in flight that a window begins with, and never goes below: then its fleet would stand still. */
const FIRST_SHARE = 0.2;
const LEAST_SHARE = 0.1;
const SHRINK = 0.8;
const GROW = 1.1;
const GROW_AT_LEAST = 0.5;
/** Enough for a median; more would only cost. */
const SAMPLE = 50;

/** The quickest time from a workflow's start to the first call, of any priority: what it takes without queueing. */
export class QuickestFirstCall {
  private latest: number[] = [];
  private ms = Infinity;
  private beforeMs = Infinity;
  private untilMs = -Infinity;

  /** @param now a monotonic clock, in milliseconds. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  note(ms: number): void {
    const nowMs = this.now();
    if (nowMs >= this.untilMs) {
      this.beforeMs = nowMs < this.untilMs + REMEMBERED_MS ? this.ms : Infinity;
      this.ms = Infinity;
      this.latest = [];
      this.untilMs = nowMs + REMEMBERED_MS;
    }
    this.latest = [...this.latest, ms].slice(-TOGETHER);
    if (this.latest.length < TOGETHER) return;
    this.ms = Math.min(this.ms, medianOf(this.latest));
  }

  /** From how many milliseconds a time to first call is taken for queueing. */
  get longMs(): number {
    const quickestMs = Math.min(this.ms, this.beforeMs);
    if (!Number.isFinite(quickestMs)) return LONG_AT_LEAST_MS;
    return Math.min(Math.max(LONG_AT_LEAST_MS, LONG_FACTOR * quickestMs), LONG_AT_MOST_MS);
  }
}

/**
 * How many bulk e-mails of a priority may be before their first call. A call in the air takes no core, however
 * slow the provider; what has not begun yet queues for cores inside Temporal and the workers, where priorities cannot
 * help a critical e-mail past it. So the window follows the time to first call beside the quickest seen: it grows while
 * it is used up and times are short, and shrinks once they are long, as TCP Vegas does with what is on the wire. A large
 * fleet gets a large window, busy cores a small one, and servers that are slow for one are not taken for busy. Of several
 * dispatchers each has a window of its own; the largest is what counts.
 */
export class StartingWindow {
  private readonly least: number;
  private exact: number;
  private wasFull = false;
  private sample: Started[] = [];

  /** @param limit how many e-mails of the priority may be in flight. */
  constructor(
    limit: number,
    private readonly quickest: QuickestFirstCall,
  ) {
    this.least = Math.ceil(limit * LEAST_SHARE);
    this.exact = Math.ceil(limit * FIRST_SHARE);
  }

  /** At least one. */
  get size(): number {
    return Math.floor(this.exact);
  }

  /** What a dispatch came to. */
  note(started: readonly Started[], windowFull: boolean): void {
    // The oldest: of the latest none might have begun yet, and slow ones would never be counted.
    this.sample = [...this.sample, ...started].slice(0, SAMPLE);
    this.wasFull ||= windowFull;
  }

  /** Adapts to how far those came that were started since the last time; to be called about once a second. */
  async adapt(
    readTimesToFirstCall: (started: readonly Started[]) => Promise<readonly TimeToFirstCall[]>,
  ): Promise<void> {
    const times = await readTimesToFirstCall(this.sample);
    const decided = times.filter(({ state, ms }) => state !== 'pending' || ms >= COUNTED_AFTER_MS);
    const ids = new Set(decided.map(({ emailId }) => emailId));
    this.sample = this.sample.filter(({ emailId }) => !ids.has(emailId));
    const counted = decided.filter(({ state }) => state !== 'left');
    if (counted.length === 0) return;
    for (const { state, ms } of counted) if (state === 'called') this.quickest.note(ms);
    if (medianOf(counted.map(({ ms }) => ms)) > this.quickest.longMs)
      this.exact = Math.max(this.least, this.exact * SHRINK);
    else if (this.wasFull) this.exact = Math.max(this.exact + GROW_AT_LEAST, this.exact * GROW);
    this.wasFull = false;
  }
}

const medianOf = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Ask, BucketName, Grant } from '../../domain/clients/rate-buckets.js';
import type { Rate } from '../../domain/clients/rates.js';

/** A bucket that a request takes from. */
export interface Bucket extends BucketName {
  readonly limit: Rate;
}

/** How a bucket stands, as far as this process knows. */
export interface Standing {
  /** Requests that may be made now. */
  readonly remaining: number;
  /** Until the bucket is full again, if nobody takes from it. */
  readonly fullAfterMs: number;
  /** Until there is one request more; 0 when there is one. */
  readonly waitMs: number;
}

/** What is used without asking is settled after this long, with that of all other buckets: one statement a second. */
const SETTLE_MS = 1_000;
/** Tokens that nobody used for so long go back. */
const IDLE_MS = 2_000;
/** How often an empty bucket is asked again, at most: what has come meanwhile is taken at once. */
const LEAST_PAUSE_MS = 50;
/** And at least: a limit that is raised is noticed so soon, however long the wait was to be. */
const LONGEST_PAUSE_MS = 1_000;

/**
 * A process's part of the shared buckets. It takes tokens by the batch, as many as about a tenth of a second uses, and
 * uses them without asking anybody. A bucket that is seldom used may even be in debt, by a hundredth of its burst, until
 * the next settlement; so those who send little cost no statement of their own, and nobody waits for one.
 *
 * What can go wrong by it is small: a process that dies takes with it at most what it holds (a twentieth of the burst)
 * or owes (a hundredth).
 */
export class Leases {
  readonly #leases = new Map<string, Lease>();
  readonly #ask: (asks: readonly Ask[]) => Promise<readonly Grant[]>;
  readonly #now: () => number;
  #asking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #settledAt = 0;
  #stopped = false;

  /** @param ask as `takeTokens`. @param now milliseconds of a clock that never goes back. */
  constructor(ask: (asks: readonly Ask[]) => Promise<readonly Grant[]>, now: () => number = () => performance.now()) {
    this.#ask = ask;
    this.#now = now;
  }

  /**
   * Takes one token.
   *
   * @returns whether there was one.
   * @throws what asking the database throws.
   */
  async take(bucket: Bucket): Promise<boolean> {
    const lease = this.#leaseOf(bucket);
    for (;;) {
      const taken = lease.take(this.#now());
      if (taken !== undefined) {
        if (taken) this.#settleSoon();
        return taken;
      }
      lease.waiting++;
      try {
        await this.#askNow();
      } finally {
        lease.waiting--;
      }
    }
  }

  /** Gives one token back: what it was taken for is not done. */
  giveBack(bucket: Bucket): void {
    this.#leaseOf(bucket).tokens++;
  }

  /** How many buckets this process holds a part of. */
  get size(): number {
    return this.#leases.size;
  }

  standing(bucket: Bucket): Standing {
    return this.#leaseOf(bucket).standing(this.#now());
  }

  /** Gives everything back; no token is taken any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#asking?.catch(() => undefined);
    const asks = [...this.#leases.values()].filter((lease) => lease.tokens !== 0).map((lease) => lease.giveAllBack());
    if (asks.length > 0) await this.#ask(asks).catch(() => undefined);
  }

  #leaseOf(bucket: Bucket): Lease {
    const name = `${bucket.owner}/${bucket.kind}`;
    const lease = this.#leases.get(name) ?? new Lease(bucket, this.#now());
    this.#leases.set(name, lease);
    lease.use(bucket.limit);
    return lease;
  }

  /** Asks for all that wait, once what is being asked is answered. */
  #askNow(): Promise<void> {
    this.#asking ??= this.#askAll().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askAll(): Promise<void> {
    // Whoever comes in the same turn of the event loop is asked for together.
    await nextTurn();
    const now = this.#now();
    const settling = now - this.#settledAt >= SETTLE_MS;
    if (settling) this.#settledAt = now;
    const asking = [...this.#leases.values()].filter((lease) => lease.wants(now, settling));
    if (asking.length === 0) return;
    const asks = asking.map((lease) => lease.ask(now));
    let grants: readonly Grant[];
    try {
      grants = await this.#ask(asks);
    } catch (error) {
      // Whether it happened nobody knows: what was spent is asked for again, what was granted is lost.
      for (const [index, lease] of asking.entries()) lease.unanswered(asks[index]!);
      throw error;
    }
    const byName = new Map(grants.map((grant) => [`${grant.owner}/${grant.kind}`, grant]));
    for (const lease of asking) lease.answered(byName.get(lease.name)!, this.#now());
  }

  #settleSoon(): void {
    if (this.#timer || this.#stopped) return;
    this.#timer = setTimeout(() => void this.#settle(), SETTLE_MS);
    this.#timer.unref();
  }

  async #settle(): Promise<void> {
    const now = this.#now();
    for (const [name, lease] of this.#leases) if (lease.isOver(now)) this.#leases.delete(name);
    // The database is away: it is asked again in a second, and every request is refused meanwhile anyway.
    await this.#askNow().catch(() => undefined);
    this.#timer = undefined;
    if (this.#leases.size > 0) this.#settleSoon();
  }
}

/** One bucket's part. */
class Lease {
  readonly name: string;
  limit: Rate;
  /** Below 0: used without having been asked for. */
  tokens = 0;
  /** Requests that wait for an answer. */
  waiting = 0;
  /** What the answer left for all processes, and when that was. */
  #left: number;
  #leftAt: number;
  /** Nothing is asked before. */
  #emptyUntil = 0;
  /** There will be none before. */
  #moreAt = 0;
  #usedAt: number;

  constructor(
    private readonly bucket: Bucket,
    now: number,
  ) {
    this.name = `${bucket.owner}/${bucket.kind}`;
    this.limit = bucket.limit;
    this.#left = bucket.limit.burst;
    this.#leftAt = now;
    this.#usedAt = now;
  }

  use(limit: Rate): void {
    if (limit.rate !== this.limit.rate || limit.burst !== this.limit.burst) this.#emptyUntil = 0;
    this.limit = limit;
  }

  /** @returns undefined when that is for the database to say. */
  take(now: number): boolean | undefined {
    this.#usedAt = now;
    if (this.tokens < 1) {
      if (now < this.#emptyUntil) return false;
      // As long as the bucket is far from empty, a little is used without asking.
      const mayOwe = this.#left > this.limit.burst / 2 ? Math.floor(this.limit.burst / 100) : 0;
      if (this.waiting > 0 || this.tokens - 1 < -mayOwe) return undefined;
    }
    this.tokens--;
    return true;
  }

  wants(now: number, settling: boolean): boolean {
    if (this.waiting > 0 && now >= this.#emptyUntil) return true;
    return settling && (this.tokens < 0 || (this.tokens > 0 && now - this.#usedAt >= IDLE_MS));
  }

  /** What to ask; what is owed or given back is counted as settled from now on. */
  ask(now: number): Ask {
    const idle = this.waiting === 0 && now - this.#usedAt >= IDLE_MS;
    const spent = this.tokens < 0 || idle ? -this.tokens : 0;
    this.tokens += spent;
    return { ...this.#named, ...this.limit, spent, wanted: this.waiting > 0 ? this.#batch() : 0 };
  }

  answered(grant: Grant, now: number): void {
    this.tokens += grant.granted;
    this.#left = grant.left;
    this.#leftAt = now;
    if (this.waiting > this.tokens && grant.left < 1) {
      const waitMs = Math.max(LEAST_PAUSE_MS, ((1 - grant.left) / this.limit.rate) * 1_000);
      this.#emptyUntil = now + Math.min(LONGEST_PAUSE_MS, waitMs);
      this.#moreAt = now + waitMs;
    }
  }

  unanswered({ spent }: Ask): void {
    this.tokens -= spent;
  }

  giveAllBack(): Ask {
    return { ...this.#named, ...this.limit, spent: -this.tokens, wanted: 0 };
  }

  /** Nothing of it is held or owed, and nobody has used it for a while. */
  isOver(now: number): boolean {
    return this.tokens === 0 && this.waiting === 0 && now - this.#usedAt >= 5 * IDLE_MS;
  }

  standing(now: number): Standing {
    const { rate, burst } = this.limit;
    const left = Math.min(burst, this.#left + (rate * (now - this.#leftAt)) / 1_000);
    const remaining = Math.max(0, Math.floor(Math.min(burst, left + this.tokens)));
    const fullAfterMs = (Math.max(0, burst - left - this.tokens) / rate) * 1_000;
    const empty = now < this.#emptyUntil;
    return { remaining: empty ? 0 : remaining, fullAfterMs, waitMs: empty ? this.#moreAt - now : 0 };
  }

  get #named() {
    return { owner: this.bucket.owner, kind: this.bucket.kind };
  }

  /** A tenth of a second's worth, or a twentieth of the burst where that is less; and at least for those who wait. */
  #batch(): number {
    const { rate, burst } = this.limit;
    const batch = Math.max(1, Math.floor(Math.min(rate / 10, burst / 20)));
    return Math.min(Math.max(this.waiting, batch), Math.floor(burst));
  }
}

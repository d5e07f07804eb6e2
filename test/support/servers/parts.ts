import { setTimeout as delay } from 'node:timers/promises';

/** A server is given up after two minutes; a cluster after a quarter of an hour, and must not keep an interrupted program. */
const STARTS_WITHIN_MS = 180_000;

/** It was to be started, and meanwhile everything is being ended. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor() {
    super('everything is being ended');
  }
}

/** All that have not been ended. */
const live = new Set<Parts>();
let isInterrupted = false;

/**
 * What a system consists of that is started part by part, so that nothing of it stays behind: servers outlive the program
 * that has started them. They are ended in reverse, once, also while one of them is still starting.
 */
export class Parts {
  private readonly ends: (() => unknown)[] = [];
  private readonly starting = new Set<Promise<unknown>>();
  private ended: Promise<void> | undefined;

  /**
   * @param program who says that something could not be ended.
   * @param startsWithinMs how long the end waits for what is starting.
   * @throws Interrupted
   */
  constructor(
    private readonly program: string,
    private readonly startsWithinMs = STARTS_WITHIN_MS,
  ) {
    if (isInterrupted) throw new Interrupted();
    live.add(this);
  }

  /**
   * Ends everything that there is, for a program that is interrupted. What is starting is waited for, or it would be left
   * behind; and nothing else begins.
   */
  static async endAll(): Promise<void> {
    isInterrupted = true;
    await Promise.all([...live].map((parts) => parts.end()));
  }

  /** What fails or ends meanwhile says nothing of what was tried. @throws Interrupted when everything is being ended. */
  static throwIfInterrupted(): void {
    if (isInterrupted) throw new Interrupted();
  }

  /** Takes a part that is there. @throws Interrupted when everything is being ended: then the part is, too. */
  own<T>(thing: T, end: (thing: T) => unknown): T {
    this.ends.unshift(() => end(thing));
    if (!this.ended) return thing;
    this.ended = this.ended.then(() => this.endInOrder());
    throw new Interrupted();
  }

  /** Starts a part, and takes it. @throws Interrupted when everything is being ended, or what `begin` throws. */
  async start<T>(begin: () => Promise<T>, end: (thing: T) => unknown): Promise<T> {
    if (this.ended) throw new Interrupted();
    const started = begin().then((thing) => this.own(thing, end));
    const settled = started.catch(() => {});
    this.starting.add(settled);
    void settled.then(() => this.starting.delete(settled));
    return started;
  }

  /** Ends all parts, the last one first. Whoever asks second waits for the first. */
  async end(): Promise<void> {
    this.ended ??= this.endInOrder();
    for (let ended: unknown; ended !== this.ended; ) {
      ended = this.ended;
      await ended;
    }
    live.delete(this);
  }

  private async endInOrder(): Promise<void> {
    const enough = new AbortController();
    const tooLong = delay(this.startsWithinMs, undefined, { signal: enough.signal }).catch(() => {});
    await Promise.race([Promise.all(this.starting), tooLong]);
    enough.abort();
    for (let end = this.ends.shift(); end; end = this.ends.shift()) {
      try {
        await end();
      } catch (error) {
        process.stderr.write(`${this.program}: not ended in order: ${String(error)}\n`);
      }
    }
  }
}

import type { Logger } from 'pino';

/** How soon it is looked again while somebody watches; and a look takes a tenth of the time at most. */
const EVERY_MS = 2_000;
const SHARE = 10;
/** After one that failed. */
const AFTER_FAILURE_MS = 2_000;
/** What is younger is shown at once to whoever comes. */
const FRESH_MS = 4_000;

/** What watchers are told: how it stands, or that it cannot be told now. */
export type Told<T> = { readonly sample: T } | { readonly trouble: true };

type Watcher<T> = (told: Told<T>) => void;

/**
 * Looks at how it stands while somebody watches, once for all of them; ten cost what one costs, and nobody nothing.
 */
export class Live<T> {
  readonly #watchers = new Set<Watcher<T>>();
  #last: { readonly told: Told<T>; readonly at: number } | undefined;
  #running = false;

  constructor(
    private readonly look: () => Promise<T>,
    private readonly logger: Pick<Logger, 'warn'>,
    private readonly everyMs: number = EVERY_MS,
  ) {}

  get watching(): number {
    return this.#watchers.size;
  }

  /** @returns how to end it. */
  watch(watcher: Watcher<T>): () => void {
    this.#watchers.add(watcher);
    if (this.#last && performance.now() - this.#last.at < FRESH_MS) watcher(this.#last.told);
    if (!this.#running) void this.#run();
    return () => void this.#watchers.delete(watcher);
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#watchers.size > 0) {
      const begunAt = performance.now();
      const told = await this.#look();
      this.#last = { told, at: performance.now() };
      for (const watcher of this.#watchers) watcher(told);
      const tookMs = this.#last.at - begunAt;
      const pauseMs = 'trouble' in told ? AFTER_FAILURE_MS : Math.max(this.everyMs - tookMs, tookMs * (SHARE - 1));
      await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
    }
    this.#running = false;
  }

  async #look(): Promise<Told<T>> {
    try {
      return { sample: await this.look() };
    } catch (error) {
      const { code, name } = error as { code?: string; name?: string };
      this.logger.warn({ code: code ?? name }, 'how it stands cannot be told');
      return { trouble: true };
    }
  }
}

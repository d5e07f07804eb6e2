import { setTimeout as wait } from 'node:timers/promises';
import { type RunningProcess, signal } from './process.js';

/** Something to be kept running. */
export interface Service {
  readonly name: string;
  /** @param onSpawn to be told the process id at once. @returns when it runs; called again whenever it has died. */
  start(onSpawn: (pid: number) => void): Promise<RunningProcess>;
}

interface SupervisorOptions {
  /** A process has come (with its id) or gone (undefined): for the record of what may be left after a kill. */
  readonly onProcess: (name: string, pid: number | undefined) => void;
  /** A process that has ended by itself (false), or one that runs (true). */
  readonly onHealth?: (name: string, runs: boolean) => void;
  /** A sentence for the person watching. */
  readonly say: (name: string, sentence: string) => void;
  readonly backoff?: { readonly firstMs: number; readonly maxMs: number };
}

/** A process that ran this long was well: the next death counts as the first. */
const WELL_AFTER_MS = 10_000;

interface Entry {
  readonly service: Service;
  /** Resolves when the service is down for good. */
  done: Promise<void>;
  current?: RunningProcess;
  pid?: number;
  /** Set while it is ended only to be started again. */
  restarting?: boolean;
}

/** Keeps services running, and ends them in the order it is told. */
export class Supervisor {
  readonly #entries = new Map<string, Entry>();
  readonly #stopping = new AbortController();
  readonly #options: SupervisorOptions;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /**
   * Starts a service and keeps it running from then on.
   *
   * @throws what its first start threw; later failures are said and tried again.
   */
  async run(service: Service): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    const entry: Entry = { service, done: Promise.resolve() };
    this.#entries.set(service.name, entry);
    const first = this.#start(entry);
    entry.done = first.then(
      () => this.#keep(entry),
      () => {},
    );
    await first;
  }

  /** The process ids of what runs now. */
  pids(): ReadonlyMap<string, number> {
    return new Map([...this.#entries].flatMap(([name, { pid }]) => (pid === undefined ? [] : [[name, pid] as const])));
  }

  /**
   * Ends services in order and starts them again, side by side: they have become others. What is not running, or not
   * known, is left alone.
   *
   * @returns when each has ended. Its new start is on its way; if that fails it is tried again, as after any death.
   */
  async restart(names: readonly string[]): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        const entry = this.#entries.get(name);
        if (!entry?.current || this.#stopping.signal.aborted) return;
        entry.restarting = true;
        await entry.current.stop();
      }),
    );
  }

  /**
   * Ends everything: one group of names after the other, the members of a group side by side. Nothing is restarted
   * from here on.
   */
  async stop(order: readonly (readonly string[])[]): Promise<void> {
    this.#stopping.abort();
    for (const names of order) {
      await Promise.all(names.map((name) => this.#end(this.#entries.get(name))));
    }
  }

  /** Ends everything at once, unfinished work or not. */
  kill(): void {
    this.#stopping.abort();
    for (const pid of this.pids().values()) signal(-pid, 'SIGKILL');
  }

  async #end(entry: Entry | undefined): Promise<void> {
    if (!entry) return;
    await entry.current?.stop();
    await entry.done; // A start under way ends itself when it finds us stopping.
  }

  async #start(entry: Entry): Promise<RunningProcess> {
    const { name } = entry.service;
    try {
      const running = await entry.service.start((pid) => {
        entry.pid = pid;
        this.#options.onProcess(name, pid);
      });
      entry.current = running;
      this.#options.onHealth?.(name, true);
      return running;
    } catch (error) {
      this.#gone(entry);
      throw error;
    }
  }

  #gone(entry: Entry): void {
    entry.current = undefined;
    entry.pid = undefined;
    this.#options.onProcess(entry.service.name, undefined);
  }

  /** Starts what has been ended to be started again. @returns false when that fails: then it is one more death. */
  async #startAgain(entry: Entry): Promise<boolean> {
    return this.#start(entry).then(
      () => true,
      () => false,
    );
  }

  /** Waits for the process's end and starts it again, until we stop. */
  async #keep(entry: Entry): Promise<void> {
    const { firstMs, maxMs } = this.#options.backoff ?? { firstMs: 250, maxMs: 10_000 };
    const { signal: stopping } = this.#stopping;
    let delayMs = firstMs;
    while (entry.current) {
      if (stopping.aborted) await entry.current.stop();
      const startedAt = Date.now();
      const { code, signal: by } = await entry.current.exited;
      this.#gone(entry);
      if (stopping.aborted) return;
      if (entry.restarting) {
        entry.restarting = false;
        if (await this.#startAgain(entry)) continue;
      }
      this.#options.onHealth?.(entry.service.name, false);
      if (Date.now() - startedAt > WELL_AFTER_MS) delayMs = firstMs;
      let what = `ended (${by ?? `exit ${code}`})`;
      do {
        this.#options.say(entry.service.name, `${what}; starting it again in ${delayMs} ms`);
        await wait(delayMs, undefined, { signal: stopping }).catch(() => {});
        if (stopping.aborted) return;
        delayMs = Math.min(delayMs * 2, maxMs);
        await this.#start(entry).catch((error: Error) => {
          what = error.message;
        });
      } while (!entry.current);
    }
  }
}

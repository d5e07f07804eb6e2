import { isTroubleOf } from './log-view.js';

/** The servers whose absence every process has something to say about. */
const SERVERS = new Set(['postgres', 'temporal']);
/** Until the last process has noticed that a server is back. */
const SETTLE_MS = 10_000;

/**
 * Keeps a terminal readable when PostgreSQL or Temporal dies: that it died, and that it is back, is said by the
 * supervisor; that each of eight processes missed it, many times over, is left out and counted. Only as long as the
 * server is away and some seconds after it, and only lines that say nothing else.
 */
export class Aftermath {
  readonly #away = new Set<string>();
  readonly #say: (name: string, sentence: string) => void;
  readonly #settleMs: number;
  #leftOut = 0;
  #settling: NodeJS.Timeout | undefined;

  constructor(say: (name: string, sentence: string) => void, settleMs = SETTLE_MS) {
    this.#say = say;
    this.#settleMs = settleMs;
  }

  /** A process has ended by itself. */
  fell(name: string): void {
    if (!SERVERS.has(name)) return;
    this.#away.add(name);
    clearTimeout(this.#settling);
    this.#settling = undefined;
  }

  /** A process runs (again). */
  rose(name: string): void {
    if (!this.#away.delete(name) || this.#away.size > 0) return;
    this.#settling = setTimeout(() => this.#end(name), this.#settleMs).unref();
  }

  /** Whether a line of a process says only that a server is missing. */
  hides(line: string): boolean {
    if (this.#away.size === 0 && !this.#settling) return false;
    if (!isTroubleOf(line)) return false;
    this.#leftOut++;
    return true;
  }

  #end(name: string): void {
    this.#settling = undefined;
    if (this.#leftOut > 0) {
      this.#say(name, `all is well again; ${this.#leftOut} lines about its absence were left out here`);
    }
    this.#leftOut = 0;
  }
}

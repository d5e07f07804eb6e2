import { isTroubleOf } from './log-view.js';

/** The servers whose absence every process has something to say about. */
const SERVERS = new Set(['postgres', 'temporal']);
/** Until the last process has noticed that a server is back, and its log has said that the trouble is over (15 s). */
const SETTLE_MS = 20_000;
/** Processes notice that a server has gone before we do: what may be about it waits this long for us. */
const HOLD_MS = 1_000;

/**
 * Keeps a terminal readable when PostgreSQL or Temporal dies: that it died, and that it is back, is said by the
 * supervisor; that each of eight processes missed it, many times over, is left out and counted. Only as long as the
 * server is away and some seconds after it, and only lines that say nothing else.
 */
export class Aftermath {
  readonly #away = new Set<string>();
  readonly #say: (name: string, sentence: string) => void;
  readonly #settleMs: number;
  readonly #holdMs: number;
  #leftOut = 0;
  #settling: NodeJS.Timeout | undefined;

  constructor(say: (name: string, sentence: string) => void, settleMs = SETTLE_MS, holdMs = HOLD_MS) {
    this.#say = say;
    this.#settleMs = settleMs;
    this.#holdMs = holdMs;
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

  /** Shows a line of a process, unless it says only that a server is missing which we know to be. */
  pass(line: string, show: () => void): void {
    if (!isTroubleOf(line)) show();
    else if (this.#knows()) this.#leftOut++;
    else setTimeout(() => (this.#knows() ? this.#leftOut++ : show()), this.#holdMs);
  }

  #knows(): boolean {
    return this.#away.size > 0 || this.#settling !== undefined;
  }

  #end(name: string): void {
    this.#settling = undefined;
    if (this.#leftOut > 0) {
      this.#say(name, `all is well again; ${this.#leftOut} lines about its absence were left out here`);
    }
    this.#leftOut = 0;
  }
}

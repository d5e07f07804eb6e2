import type { Logger } from 'pino';

/** How soon a key's use is written down, and how long it is not written down again. */
const WRITE_AFTER_MS = 2_000;
const AGAIN_AFTER_MS = 60_000;

/**
 * Writes down when keys were last used, to the minute: all keys of a while in one statement, which no request waits for.
 */
export class LastUsed {
  /** By key: when that was last noted. */
  #noted = new Map<string, number>();
  #unwritten: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly write: (keyIds: readonly string[]) => Promise<void>,
    private readonly logger: Pick<Logger, 'debug'>,
  ) {}

  note(keyId: string): void {
    const now = performance.now();
    const noted = this.#noted.get(keyId);
    if (noted !== undefined && now - noted < AGAIN_AFTER_MS) return;
    this.#noted.set(keyId, now);
    this.#unwritten.push(keyId);
    this.#timer ??= setTimeout(() => this.#writeAll(), WRITE_AFTER_MS).unref();
  }

  /** Writes what is not written yet. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#writeAll();
    await this.#writing;
  }

  #writeAll(): void {
    this.#timer = undefined;
    const keyIds = this.#unwritten;
    this.#unwritten = [];
    const old = performance.now() - AGAIN_AFTER_MS;
    for (const [keyId, noted] of this.#noted) if (noted < old) this.#noted.delete(keyId);
    if (keyIds.length === 0) return;
    // Not worth a try again: the next use a minute later says it better.
    this.#writing = this.write(keyIds).catch((error: { code?: string }) =>
      this.logger.debug({ code: error.code }, 'when keys were used is not written down'),
    );
  }
}

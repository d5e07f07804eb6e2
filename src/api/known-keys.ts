import type { Client } from '../domain/clients/keys.js';

/** How long what was found is taken for true; with the longest refusal it is the second in which changed limits hold. */
const REMEMBERED_MS = 500;
/** Keys in use within such a time are few; whoever has many more looks them up as before. */
const MOST = 10_000;

/**
 * Whose the keys are that were looked up within the last half second. Only for requests that ask in the transaction in
 * which they take effect whether the key is valid still, so that a revoked key, or a disabled client, does nothing any
 * more from that moment on. What else there is of a key never changes, and rate limits may follow half a second later.
 */
export class KnownKeys {
  readonly #known = new Map<string, { readonly client: Client; readonly untilMs: number }>();

  /** @param now milliseconds of a clock that never goes back. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** @param key its hash. */
  recall(key: string): Client | undefined {
    const known = this.#known.get(key);
    if (!known) return undefined;
    if (this.now() < known.untilMs) return known.client;
    this.#known.delete(key);
    return undefined;
  }

  /** What was just looked up. */
  remember(key: string, client: Client): void {
    this.#known.delete(key);
    this.#known.set(key, { client, untilMs: this.now() + REMEMBERED_MS });
    if (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value!);
  }

  /** It was looked up and is nobody's, or it has just been refused. */
  forget(key: string): void {
    this.#known.delete(key);
  }
}

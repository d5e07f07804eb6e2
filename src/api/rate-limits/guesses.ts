/** Wrong keys that an address may send at once, and one more each second. */
const BURST = 100;
/** Of each: the most that are remembered. The oldest is forgotten first. */
const MOST = 10_000;

/**
 * Those who send wrong keys, by the address they come from: they cost no look into the database any more. Keys that
 * were right from there when they were looked up last are looked up all the same, so that one who guesses shuts nobody
 * out who shares the address. A key that is somebody's and not taken (its client is disabled, or it comes from elsewhere)
 * shuts out itself from there, and no other.
 *
 * Per process, and bounded in memory: it saves the database work, and a key of 32 random bytes is not guessed anyway.
 */
export class Guesses {
  /** By address, or address and key: until when the last of its wrong keys counts. Each counts a second. */
  readonly #busyUntil = new Map<string, number>();
  /** By address and key. */
  readonly #right = new Map<string, true>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** @param key its hash. @returns milliseconds until a key of this address is looked at again; 0: now. */
  waitMs(address: string, key: string): number {
    const network = networkOf(address);
    const own = `${network} ${key}`;
    const waitMs = this.#right.has(own) ? 0 : this.#busyMs(network);
    return Math.max(waitMs, this.#busyMs(own));
  }

  /** Whether a key was right from there when it was looked up last. */
  wasRight(address: string, key: string): boolean {
    return this.#right.has(`${networkOf(address)} ${key}`);
  }

  /** Nobody's key, or nobody's any more. */
  wrong(address: string, key: string): void {
    const network = networkOf(address);
    this.#right.delete(`${network} ${key}`);
    this.#count(network);
  }

  /** Somebody's key that is not taken, or not from there. */
  refused(address: string, key: string): void {
    this.#count(`${networkOf(address)} ${key}`);
  }

  right(address: string, key: string): void {
    remember(this.#right, `${networkOf(address)} ${key}`, true);
  }

  /** What it remembers: addresses and keys. */
  get size(): number {
    return this.#busyUntil.size + this.#right.size;
  }

  #busyMs(name: string): number {
    return Math.max(0, (this.#busyUntil.get(name) ?? 0) - this.now() - BURST * 1_000);
  }

  #count(name: string): void {
    remember(this.#busyUntil, name, Math.max(this.#busyUntil.get(name) ?? 0, this.now()) + 1_000);
  }
}

function remember<T>(map: Map<string, T>, name: string, value: T): void {
  map.delete(name);
  map.set(name, value);
  if (map.size > MOST) map.delete(map.keys().next().value!);
}

/** Whoever has one IPv6 address has 2⁶⁴ of them. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail = ''] = address.split('%')[0]!.split('::');
  const groups = head.split(':').filter(Boolean);
  const missing = address.includes('::') ? 8 - groups.length - tail.split(':').filter(Boolean).length : 0;
  const all = [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...tail.split(':').filter(Boolean)];
  return all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}

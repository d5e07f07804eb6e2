/** Wrong keys that an address may send at once, and one more each second. */
const BURST = 100;
/** Of each: the most that are remembered. The oldest is forgotten first. */
const MOST = 10_000;

/**
 * Those who send wrong keys, by the address they come from: they cost no look into the database any more. Keys that
 * were right a while ago are looked up all the same, so that one who guesses shuts nobody out who shares the address.
 *
 * Per process, and bounded in memory: it saves the database work, and a key of 32 random bytes is not guessed anyway.
 */
export class Guesses {
  /** By address: until when the last of its wrong keys counts. Each counts a second. */
  readonly #busyUntil = new Map<string, number>();
  readonly #rightKeys = new Map<string, true>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** @param key its hash. @returns milliseconds until a key of this address is looked at again; 0: now. */
  waitMs(address: string, key: string): number {
    const waitMs = (this.#busyUntil.get(networkOf(address)) ?? 0) - this.now() - BURST * 1_000;
    return waitMs > 0 && !this.#rightKeys.has(key) ? waitMs : 0;
  }

  wrong(address: string): void {
    const network = networkOf(address);
    remember(this.#busyUntil, network, Math.max(this.#busyUntil.get(network) ?? 0, this.now()) + 1_000);
  }

  right(key: string): void {
    remember(this.#rightKeys, key, true);
  }

  /** What it remembers: addresses and keys. */
  get size(): number {
    return this.#busyUntil.size + this.#rightKeys.size;
  }
}

function remember<T>(map: Map<string, T>, name: string, value: T): void {
  map.delete(name);
  map.set(name, value);
  if (map.size > MOST) map.delete(map.keys().next().value!);
}

/** Whoever has one IPv6 address has 2⁶⁴ of them. */
function networkOf(address: string): string {
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

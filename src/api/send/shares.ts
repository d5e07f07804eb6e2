/**
 * Something limited that many owners take of. Whoever takes may have half of what the others leave, so there is
 * something left for the next one, however much the first take: of 200, after six that took all they could. Nobody's
 * share needs to be known beforehand, and those that give back and take again come to have the same.
 */
export class Shares {
  readonly #held = new Map<string, number>();
  #free: number;

  constructor(total: number) {
    this.#free = total;
  }

  /** @returns whether there was so much for this owner. */
  take(owner: string, amount: number): boolean {
    const held = (this.#held.get(owner) ?? 0) + amount;
    if (held > this.#free - amount) return false;
    this.#held.set(owner, held);
    this.#free -= amount;
    return true;
  }

  /** Gives back what was taken. */
  give(owner: string, amount: number): void {
    const held = (this.#held.get(owner) ?? 0) - amount;
    if (held > 0) this.#held.set(owner, held);
    else this.#held.delete(owner);
    this.#free += amount;
  }
}

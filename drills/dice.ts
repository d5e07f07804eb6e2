/** Numbers from a seed (mulberry32), so that a run can be had again; see `seedOfRun`. */
export class Dice {
  constructor(private state: number) {}

  /** At least 0, below 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  between(min: number, max: number): number {
    return min + this.next() * (max - min);
  }

  pick<T>(some: readonly T[]): T {
    return some[Math.floor(this.next() * some.length)]!;
  }

  /** The same things in another order. */
  shuffled<T>(things: readonly T[]): T[] {
    const left = [...things];
    return things.map(() => left.splice(Math.floor(this.next() * left.length), 1)[0]!);
  }
}

/** `DRILL_SEED`, for the same things to go wrong again; else one by chance. */
export const seedOfRun = (): number => Number(process.env.DRILL_SEED) || Math.floor(Math.random() * 2 ** 31);

interface Waiting {
  readonly atMs: number;
  count: number;
}

/** E-mails that wait, first come, first served. */
export class Queue {
  private waiting: Waiting[] = [];
  private head = 0;
  length = 0;

  add(atMs: number, count: number): void {
    this.waiting.push({ atMs, count });
    this.length += count;
  }

  /** Takes so many from the front, told in groups that came together. @returns how many there were. */
  take(wanted: number, each: (atMs: number, count: number) => void): number {
    let left = Math.min(wanted, this.length);
    const taken = left;
    while (left > 0) {
      const first = this.waiting[this.head]!;
      const count = Math.min(left, first.count);
      each(first.atMs, count);
      first.count -= count;
      left -= count;
      if (first.count === 0) this.head++;
    }
    this.length -= taken;
    if (this.head > 10_000) {
      this.waiting = this.waiting.slice(this.head);
      this.head = 0;
    }
    return taken;
  }
}

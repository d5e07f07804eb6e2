/** The place of one body in a room. */
export interface BodyHold {
  /** @returns whether there was room for so many bytes more. */
  take(bytes: number): boolean;
  /** The body has arrived and is being worked on: it is not sent away any more. */
  stay(): void;
  /** Gives back all that was taken. May be called twice. */
  leave(): void;
}

interface Guest {
  readonly since: number;
  readonly sendAway: () => void;
  heldBytes: number;
  stays: boolean;
}

/**
 * The memory for bodies that are held at one moment; whoever sends them is not known yet, so they must not fill the
 * process. A full room is not closed to whoever comes: who has been arriving for the longest, and for longer than
 * anybody needs, goes. So connections that stall keep nobody out, and to keep out somebody who takes a second, one has
 * to fill the whole room in that second.
 */
export class BodyBudget {
  /** Who came first is first. */
  readonly #guests = new Set<Guest>();
  #heldBytes = 0;

  /**
   * @param patienceMs how long a body may arrive before it has to make room for others.
   * @param nowMs a clock that never goes back.
   */
  constructor(
    private readonly limitBytes: number,
    private readonly patienceMs: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @param sendAway told when the place is needed for somebody else; it has been left then. */
  enter(sendAway: () => void): BodyHold {
    const guest: Guest = { since: this.nowMs(), sendAway, heldBytes: 0, stays: false };
    this.#guests.add(guest);
    return {
      take: (bytes) => this.#take(guest, bytes),
      stay: () => {
        guest.stays = true;
      },
      leave: () => this.#leave(guest),
    };
  }

  #take(guest: Guest, bytes: number): boolean {
    while (this.#heldBytes + bytes > this.limitBytes) {
      const oldest = this.#longestArriving();
      if (!oldest) return false;
      this.#leave(oldest);
      oldest.sendAway();
      if (oldest === guest) return false;
    }
    guest.heldBytes += bytes;
    this.#heldBytes += bytes;
    return true;
  }

  #longestArriving(): Guest | undefined {
    const before = this.nowMs() - this.patienceMs;
    for (const guest of this.#guests) {
      if (guest.since > before) return undefined;
      if (!guest.stays && guest.heldBytes > 0) return guest;
    }
    return undefined;
  }

  #leave(guest: Guest): void {
    if (this.#guests.delete(guest)) this.#heldBytes -= guest.heldBytes;
  }
}

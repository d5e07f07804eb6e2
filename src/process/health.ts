import { shared } from './shared.js';

/** Whoever asks has a time-out, too. */
const PATIENCE_MS = 2_000;
/** What was found holds for so long: many may ask, and each answer costs a question to PostgreSQL and to Temporal. */
const REMEMBERED_MS = 1_000;
/** How often the event loop is looked at, and for how long a look is remembered. */
const LOOK_MS = 500;
const LOOK_BACK_MS = 10_000;
/** Far more than any work of ours takes in one go; a busy machine reaches a second. */
const LAG_BOUND_MS = 5_000;

/**
 * Looks whether one thing is well. It is not when the look resolves to a code that says so, rejects, or takes longer
 * than 2 s.
 */
export type Check = () => unknown;

/** What a supervisor is told: whether it is well, and if not, the codes of what is wrong. */
export interface Verdict {
  readonly well: boolean;
  readonly body: { readonly status: string; readonly reasons?: readonly string[] };
}

/** How a process is, for those who watch it. It begins as one that is starting. */
export class Health {
  private phase: 'starting' | 'running' | 'stopping' = 'starting';
  private readonly vital = new Map<string, Check>();
  private readonly needed = new Map<string, Check>();
  readonly isAlive: () => Promise<Verdict>;
  readonly isReady: () => Promise<Verdict>;

  constructor(now: () => number = () => performance.now()) {
    const loop = new EventLoopWatch(now);
    this.vital.set('event_loop_blocked', () => {
      if (loop.worstLagMs() > LAG_BOUND_MS) throw new Error('blocked');
    });
    this.isAlive = shared(async () => verdict('ok', 'not_alive', await findFaults(this.vital)), REMEMBERED_MS, now);
    this.isReady = shared(
      async () => {
        const faults = await findFaults(new Map([...this.vital, ...this.needed]));
        // What is missing says more than that the start, which waits for it, is not over.
        if (this.phase !== 'running') faults.push(this.phase);
        return verdict('ready', 'not_ready', faults);
      },
      REMEMBERED_MS,
      now,
    );
  }

  /** Whatever fails here, only a new process mends. @param code what is wrong then. */
  lives(code: string, check: Check): void {
    this.vital.set(code, check);
  }

  /** While it fails the process cannot do its work, and starting it anew would be no help. @param code what is wrong then. */
  needs(code: string, check: Check): void {
    this.needed.set(code, check);
  }

  started(): void {
    this.phase = 'running';
  }

  stopping(): void {
    this.phase = 'stopping';
  }
}

const verdict = (well: string, ill: string, reasons: readonly string[]): Verdict =>
  reasons.length === 0 ? { well: true, body: { status: well } } : { well: false, body: { status: ill, reasons } };

async function findFaults(checks: ReadonlyMap<string, Check>): Promise<string[]> {
  const faults = await Promise.all([...checks].map(([code, check]) => faultOf(code, check)));
  return faults.filter((fault) => fault !== undefined);
}

function faultOf(code: string, check: Check): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(code), PATIENCE_MS);
    const done = (fault: unknown) => {
      clearTimeout(timer);
      resolve(typeof fault === 'string' ? fault : undefined);
    };
    new Promise((look) => look(check())).then(done, () => done(code));
  });
}

/** Measures how late timers come: what a process that answers at all has just been through. */
class EventLoopWatch {
  private due: number;
  private worst = { lagMs: 0, at: 0 };

  constructor(private readonly now: () => number) {
    this.due = now() + LOOK_MS;
    setInterval(() => this.look(), LOOK_MS).unref();
  }

  worstLagMs(): number {
    const now = this.now();
    const lagMs = now - this.worst.at < LOOK_BACK_MS ? this.worst.lagMs : 0;
    // The timer that is late may not have come yet.
    return Math.max(lagMs, now - this.due);
  }

  private look(): void {
    const now = this.now();
    const lagMs = now - this.due;
    if (lagMs >= this.worst.lagMs || now - this.worst.at >= LOOK_BACK_MS) this.worst = { lagMs, at: now };
    this.due = now + LOOK_MS;
  }
}

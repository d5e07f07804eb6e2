import { condition } from '@temporalio/workflow';

/** Counters of what asks a waiting workflow to look again; they only grow, so that nothing heard early is missed. */
export interface Wakes {
  /** Signals: the record knows more than before. */
  evidence: number;
  /** `cancel` and `retryNow`: do not wait any longer. */
  hurry: number;
  /** When a wait ends by itself, in milliseconds since 1970: what `nextTry` answers. */
  untilMs?: number;
}

/** Waits for a condition, and lets the query `nextTry` tell until when. */
export async function waitFor(wakes: Wakes, holds: () => boolean, ms: number): Promise<void> {
  wakes.untilMs = Date.now() + ms;
  await condition(holds, ms);
  wakes.untilMs = undefined;
}

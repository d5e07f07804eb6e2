/** Counters of what asks a waiting workflow to look again; they only grow, so that nothing heard early is missed. */
export interface Wakes {
  /** Signals: the record knows more than before. */
  evidence: number;
  /** `cancel` and `retryNow`: do not wait any longer. */
  hurry: number;
}

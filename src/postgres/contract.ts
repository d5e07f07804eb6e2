/**
 * A step of a migration that takes away what an earlier release worked with. A migration that has such steps exports
 * them as `contracts`; `test/migration-rules.test.ts` refuses those that are not named.
 */
export interface Contract {
  /** Part of the statement, as it is written: which one is meant. */
  readonly statement: string;
  /** The migration of an earlier release that made this dispensable: who knows it has no need of what goes. */
  readonly expandedBy: string;
  /** Why nobody needs it any more. */
  readonly because: string;
}

/**
 * A step that breaks no release, but holds a large table for longer than a moment. A migration that has such steps
 * exports them as `accepts`.
 */
export interface Accepted {
  /** Part of the statement, as it is written: which one is meant. */
  readonly statement: string;
  /** Why it may be. */
  readonly because: string;
}

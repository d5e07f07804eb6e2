import type { Count } from '../count.js';
import type { World, WorldOptions } from '../world.js';

/** Keeps logs and the strangest lives of a disaster, while its system still runs. */
export type EvidenceKeeper = (name: string, world: World, count: Count) => Promise<void>;

export interface DisasterOptions extends WorldOptions {
  readonly keepEvidence?: EvidenceKeeper;
}

/** What a disaster has shown, in the same terms for all of them: a row of the table. */
export interface Outcome {
  readonly accepted: number;
  readonly lost: number;
  /** Calls that providers took beyond the first, by e-mail and generation: the truth. */
  readonly doubled: number;
  /** Duplicates and possible duplicates that the record tells of. */
  readonly counted: number;
  /** The longest time in which nothing was accepted, in seconds; null where nothing was submitted. */
  readonly withoutAcceptanceS: number | null;
  /** The longest from acceptance to a provider, of critical e-mails, in seconds. */
  readonly criticalS: number | null;
  /** The same, from the moment at which it could be done again. */
  readonly criticalOnceBackS: number | null;
  /** What else is worth telling, a sentence each: times that were measured. */
  readonly notes: readonly string[];
  /** Promises that were broken. */
  readonly broken: readonly string[];
}

/** Of a run that came to no count. */
export const NO_OUTCOME: Outcome = {
  ...{ accepted: 0, lost: 0, doubled: 0, counted: 0 },
  ...{ withoutAcceptanceS: null, criticalS: null, criticalOnceBackS: null },
  ...{ notes: [], broken: [] },
};

/** One thing that goes wrong for real. */
export interface Disaster {
  readonly name: string;
  /** How it is done, in one sentence. */
  readonly how: string;
  /** @throws CannotDrill when this machine cannot do it. */
  run(options: DisasterOptions, shared?: Shared): Promise<Outcome>;
}

/** Disasters of one kind, that need the same programs. */
export interface Scenario {
  readonly name: string;
  /** One sentence for the list. */
  readonly tries: string;
  /**
   * Brings the programs it needs into the cache; see `installs.ts`.
   *
   * @throws CannotDrill when one cannot be had: the scenario is skipped, with this reason.
   */
  install?(say: (sentence: string) => void): Promise<void> | void;
  /**
   * Starts a system that all chosen disasters of the scenario share, one after another.
   *
   * @throws CannotDrill when this machine cannot do it.
   */
  begin?(options: DisasterOptions): Promise<Shared>;
  readonly disasters: readonly Disaster[];
}

/** What disasters share. They know more of it than this. */
export interface Shared {
  end(): Promise<void>;
}

import type { Count } from '../count.js';
import { CannotDrill, type Drill } from '../drill.js';
import { runDrill } from '../run.js';
import { type Disaster, NO_OUTCOME, type Outcome } from './scenario.js';

/** A drill whose notes are told in the table. */
export interface ProductionDrill extends Omit<Drill, 'name' | 'breaks'> {
  /** What was measured beside the count, a sentence each; asked at the end. */
  notes?(): readonly string[];
}

/**
 * A disaster of the whole system under mail: a drill like the others, with two of every process of ours. Each run makes
 * its drill anew, so that it may keep what it measures.
 */
export function onSystem(name: string, how: string, make: () => ProductionDrill): Disaster {
  return {
    name,
    how,
    async run(options) {
      const { notes, ...drill } = make();
      const whole: Drill = { twoOfEach: true, duplicates: 'counted', ...drill, name, breaks: how };
      const result = await runDrill(whole, options, async (world, count) => {
        await options.keepEvidence?.(name, world, count);
      });
      if (result.skipped) throw new CannotDrill(result.skipped);
      if (!result.count) return { ...NO_OUTCOME, broken: result.broken };
      return { ...outcomeOf(result.count), notes: notes?.() ?? [], broken: result.broken };
    },
  };
}

/** A count in the terms of the table; what is broken is not judged here. */
export function outcomeOf(count: Count): Outcome {
  return {
    accepted: count.accepted,
    lost: count.lost,
    doubled: count.duplicates,
    counted: count.duplicatesKnown + count.duplicatesPossible,
    withoutAcceptanceS: count.withoutAcceptanceS,
    criticalS: count.longestS.critical,
    criticalOnceBackS: count.longestOrdinaryCriticalS,
    notes: [],
    broken: [],
  };
}

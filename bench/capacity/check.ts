import { PRIORITIES, type Priority } from '../../src/priority.js';
import { arrivalsOf, DEADLINE_MS, PROVIDER_MS, type SloResult } from '../slo.js';
import { allCpuMs, type EmailCost } from './costs.js';
import { attainmentOf, type Model, servedWithin, simulate } from './simulation.js';

/** As `src/config.ts` has them by default. */
const IN_FLIGHT = { critical: 50, medium: 30, low: 15 } as const;

export interface Compared {
  readonly priority: Priority;
  readonly figure: 'p50' | 'p99' | 'attainment';
  readonly measured: number;
  readonly simulated: number;
  /** Simulated ÷ measured. */
  readonly ratio: number;
}

/** What the model says of a load on one machine, where everything shares the cores, beside what was measured there. */
export function checkAgainst(measured: SloResult, cores: number, cost: EmailCost): Compared[] {
  const model: Model = {
    pools: [{ priorities: PRIORITIES, cpuMsPerS: cores * 1000 * cost.usedShare, cpuMsPerEmail: allCpuMs(cost) }],
    inFlight: IN_FLIGHT,
    idleHandOverMs: cost.idleHandOverMs,
    providerMs: PROVIDER_MS,
    stepMs: 100,
  };
  const arrivals = arrivalsOf(measured.load).map((arrival) => ({ ...arrival, count: 1 }));
  const served = simulate(arrivals, model);
  return PRIORITIES.flatMap((priority) => {
    const figures = measured.figures[priority];
    const of = served[priority];
    const compared = (figure: Compared['figure'], real: number, simulated: number): Compared => ({
      priority,
      figure,
      measured: real,
      simulated,
      ratio: simulated / real,
    });
    return [
      compared('p50', figures.p50Ms, servedWithin(of, 0.5)),
      compared('p99', figures.p99Ms, servedWithin(of, 0.99)),
      compared('attainment', figures.attainment, attainmentOf(of, DEADLINE_MS[priority])),
    ];
  });
}

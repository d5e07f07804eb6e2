import { PRIORITIES, type Priority } from '../../src/priority.js';
import { arrivalsOf, DEADLINE_MS, type HandOver, PROVIDER_MS, type SloResult } from '../slo.js';
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

/** An e-mail that has waited for so long has waited for others. */
const WAITED_MS = 5_000;

/**
 * E-mails a second that were handed over in a run while there was more to do than the machine could: machines drift by a
 * tenth within an hour, and how long a backlog lasts follows a difference of rates. Undefined when there was no such time.
 */
function saturatedPerS(handOvers: readonly HandOver[]): number | undefined {
  const doneAt = ({ atMs, handOverMs }: HandOver) => atMs + handOverMs;
  const waited = handOvers.filter(({ priority, handOverMs }) => priority === 'medium' && handOverMs > WAITED_MS);
  const [fromMs, untilMs] = [Math.min(...waited.map(doneAt)), Math.max(...waited.map(doneAt))];
  if (!(untilMs > fromMs)) return undefined;
  const done = handOvers.filter((each) => doneAt(each) >= fromMs && doneAt(each) < untilMs);
  return (done.length * 1000) / (untilMs - fromMs);
}

/**
 * What the model says of a load on one machine, where everything shares the cores, beside what was measured there. How much
 * the cores manage is taken from that very run, the times of hand-overs are the model's.
 */
export function checkAgainst(measured: SloResult, cores: number, cost: EmailCost): Compared[] {
  const cpuMsPerEmail = allCpuMs(cost);
  const perS = saturatedPerS(measured.handOvers) ?? (cores * 1000 * cost.usedShare) / cpuMsPerEmail;
  const model: Model = {
    pools: [{ priorities: PRIORITIES, cpuMsPerS: perS * cpuMsPerEmail, cpuMsPerEmail }],
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

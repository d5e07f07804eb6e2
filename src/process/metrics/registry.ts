import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { releaseVersion } from '../version.js';

/** What this process counts of itself. It begins at zero with the process; what the record counts outlasts it. */
const registry = new Registry();

interface Named<L extends string> {
  readonly name: `tempost_${string}`;
  readonly help: string;
  /** Their values come from lists of ours, never from what somebody sends: each value is a series for ever. */
  readonly labels: readonly L[];
}

/** A number that only grows: the name ends in `_total`. */
export function counter<L extends string>({ name, help, labels }: Named<L>): Counter<L> {
  return new Counter({ name, help, labelNames: labels, registers: [registry] });
}

/**
 * How values are spread: the name ends in the unit, `_seconds`.
 *
 * @param buckets upper bounds, in that unit, ascending.
 */
export function histogram<L extends string>(named: Named<L>, buckets: readonly number[]): Histogram<L> {
  const { name, help, labels } = named;
  return new Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers: [registry] });
}

/** Gauges that prom-client names as if they were counters; promtool refuses them. The parts they sum up stay. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/**
 * How often Node looks how late its timers come, in milliseconds. Each look wakes the process: at prom-client's 10 that is
 * 3.4 ms of processor a second, in each of seven processes that may have nothing to do.
 */
const EVENT_LOOP_LOOK_MS = 100;

/** What Node tells of the process (event loop, memory, garbage collection), and which release it runs. Once a process. */
export function measureProcess(processName: string): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_LOOK_MS });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const build = new Gauge({
    name: 'tempost_build_info',
    help: 'Always 1: the labels say what runs',
    labelNames: ['process', 'version', 'node'],
    registers: [registry],
  });
  build.set({ process: processName, version: releaseVersion(), node: process.version }, 1);
}

/** Everything of this process in Prometheus' text format. */
export const exposeProcess = (): Promise<string> => registry.metrics();

export const METRICS_TYPE = registry.contentType;

import { Counter, Gauge, type Registry } from 'prom-client';
import { attain } from '../../domain/service-levels/objective.js';
import { type HourOfOutcomes, OUTCOMES, type Outcome, readOutcomes } from '../../domain/service-levels/outcomes.js';
import type { Db } from '../../postgres/database.js';
import { PRIORITIES, type Priority, perPriority } from '../../priority.js';

type Counts = Record<Outcome, number>;
const nothing = (): Counts => ({
  in_time: 0,
  late: 0,
  late_by_pause: 0,
  dead: 0,
  failed: 0,
  suppressed: 0,
  cancelled: 0,
});

/**
 * Counts what e-mails come to from the record, so that the death of a process loses none. The count begins with this
 * process and only grows: in the record a dead e-mail that is retried is dead no more, and old hours are removed, which
 * Prometheus would take for a process begun anew.
 *
 * @param targetPercent how many of a hundred e-mails are to be in time.
 * @returns adds them to a registry.
 */
export function createOutcomeCounter(db: Db, targetPercent: number): (registry: Registry) => Promise<void> {
  const totals = perPriority(nothing);
  let known: ReadonlyMap<string, HourOfOutcomes> | undefined;
  const keyOf = ({ hour, priority }: HourOfOutcomes) => `${hour.getTime()} ${priority}`;
  return async (registry) => {
    const hours = await readOutcomes(db);
    for (const hour of known ? hours : []) {
      const before = known!.get(keyOf(hour));
      for (const outcome of OUTCOMES) {
        totals[hour.priority][outcome] += Math.max(0, hour[outcome] - (before?.[outcome] ?? 0));
      }
    }
    known = new Map(hours.map((hour) => [keyOf(hour), hour]));
    tellTotals(registry, totals);
    tellAttainment(registry, hours, targetPercent);
  };
}

function tellTotals(registry: Registry, totals: Readonly<Record<Priority, Counts>>): void {
  const emails = new Counter({
    name: 'tempost_service_level_emails_total',
    help: 'What e-mails have come to, by their first deadline, since this dispatcher was first asked',
    labelNames: ['priority', 'outcome'],
    registers: [registry],
  });
  for (const priority of PRIORITIES) {
    for (const outcome of OUTCOMES) emails.inc({ priority, outcome }, totals[priority][outcome]);
  }
}

function tellAttainment(registry: Registry, hours: readonly HourOfOutcomes[], targetPercent: number): void {
  const attainment = new Gauge({
    name: 'tempost_service_level_attainment_ratio',
    help: 'In time, of those in time, late or dead, by first deadlines since 24 hours ago; none told: no e-mail',
    labelNames: ['priority'],
    registers: [registry],
  });
  const objective = new Gauge({
    name: 'tempost_service_level_objective_ratio',
    help: 'How many are to be in time: SERVICE_LEVEL_TARGET',
    registers: [registry],
  });
  // 99.9 / 100 is 0.9990000000000001.
  objective.set(Number((targetPercent / 100).toFixed(8)));
  for (const priority of PRIORITIES) {
    const day = nothing();
    for (const hour of hours.filter((each) => each.of_last_day && each.priority === priority)) {
      for (const outcome of OUTCOMES) day[outcome] += hour[outcome];
    }
    const { measured, attainment_percent } = attain({ ...day, pending: 0 }, targetPercent);
    if (measured > 0) attainment.set({ priority }, Number((attainment_percent! / 100).toFixed(8)));
  }
}

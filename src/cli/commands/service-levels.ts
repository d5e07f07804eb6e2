import type { Attainment } from '../../domain/service-levels/objective.js';
import type { LateEmail, ServiceLevel } from '../../domain/service-levels/report.js';
import type { Api } from '../api.js';
import type { Commands, Output, Values } from '../command.js';
import { query } from '../command.js';
import { duration, table } from '../format.js';

type Level = Omit<ServiceLevel, 'from'> & Attainment;
interface ServiceLevels {
  readonly from: string;
  readonly to: string;
  readonly counted_from: string;
  readonly target_percent: number;
  readonly totals: readonly Omit<Level, 'client_id'>[];
  /** Times come as text. */
  readonly periods: readonly (Level & { readonly from: string })[];
  readonly latest: readonly LateEmail[];
}

const COUNTS = ['in time', 'late', 'by pause', 'dead', 'attained', 'budget left', 'waiting late', 'pending'];
const MORE = ['failed', 'suppressed', 'cancelled'];

const cellsOf = (level: Omit<Level, 'client_id'>) => [
  level.in_time,
  level.late,
  level.late_by_pause,
  level.dead,
  level.attainment_percent === null ? null : `${level.attainment_percent} %`,
  `${level.budget_left} of ${level.budget}`,
  level.still_waiting,
  level.pending,
  level.failed,
  level.suppressed,
  level.cancelled,
];

/** A period's beginning, as short as its length lets it be: `2026-11-29 14:00`, `2026-11-29`, `2026-11`. */
const beginning = (from: string, by: string) =>
  from.slice(0, { hour: 16, day: 10, month: 7 }[by] ?? 16).replace('T', ' ');

function textOf(levels: ServiceLevels, by: string, perClient: boolean): string {
  const { from, to, counted_from, target_percent, totals, periods, latest } = levels;
  const lines = [`First deadlines from ${from} to ${to}; the objective is ${target_percent} %.`];
  if (counted_from > from) lines.push(`Counted from ${counted_from}.`);
  lines.push(
    '',
    table(
      ['priority', ...COUNTS, ...MORE],
      totals.map((total) => [total.priority, ...cellsOf(total)]),
    ),
  );
  if (periods.length > 0) {
    const rows = periods.map((period) => [
      beginning(period.from, by),
      period.priority,
      ...(perClient ? [period.client_id] : []),
      ...cellsOf(period),
    ]);
    lines.push('', table([`${by} (UTC)`, 'priority', ...(perClient ? ['client'] : []), ...COUNTS, ...MORE], rows));
  }
  if (latest.length > 0) {
    const rows = latest.map((email) => [
      email.id,
      email.priority,
      email.client_id,
      duration(email.late_s),
      email.waiting ? 'waits' : 'handed over',
      email.late_by_pause,
    ]);
    lines.push('', table(['most behind', 'priority', 'client', 'late by', 'now', 'by pause'], rows));
  }
  return lines.join('\n');
}

async function show(api: Api, values: Values): Promise<Output> {
  const { from, to, by, priority, client, objective: target } = values;
  const per_client = values['per-client'] ? 'true' : undefined;
  const path = `/api/admin/service-levels${query({ from, to, by, priority, client, per_client, target })}`;
  const json = await api.call<ServiceLevels>('GET', path);
  return { json, text: textOf(json, by ?? 'hour', per_client !== undefined) };
}

export const serviceLevelCommands: Commands = {
  slo: {
    usage:
      '[--by hour|day|month] [--from TIME] [--to TIME] [--priority P] [--client ID] [--per-client] [--objective PERCENT]',
    summary: 'how many e-mails were with a provider by their deadline, and which were the latest',
    example: 'tempost slo --by day --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --priority critical',
    words: 0,
    options: ['from', 'to', 'by', 'priority', 'client', 'per-client', 'objective'],
    help: `Each e-mail counts once, in the hour (UTC) of its first deadline. Without --from and --to: the last 24 hours.
attained: in time, of those in time, late or dead. by pause: late, and in time but for pauses and holds; left out.
budget left: how many more may miss before the objective (--objective) does.`,
    run: (api, _words, values) => show(api, values),
  },
};

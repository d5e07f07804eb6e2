import type { Outcome } from './scenario.js';

/** One line of the table: a disaster that was run, or that could not be. */
export interface Row {
  /** `scenario/disaster`. */
  readonly what: string;
  readonly how: string;
  readonly at: string;
  readonly emails: number;
  readonly outcome?: Outcome;
  /** Why it was not run. */
  readonly skipped?: string;
  readonly tookS: number;
  /** Processes that wanted a processor, for each there is, in the last minute. */
  readonly load: number;
}

const COLUMNS = [
  'what',
  'accepted',
  'lost',
  'doubled',
  'counted',
  'without acceptance',
  'longest critical',
  'once back',
  'took',
  'load',
  'how',
] as const;

/** The table for people, with what was broken and measured below each line. */
export function table(rows: readonly Row[]): string {
  const lines = [[...COLUMNS], ...rows.map(cellsOf)];
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((cells) => cells[column]!.length)));
  const text = lines.map((cells) =>
    cells
      .map((cell, column) => (isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
  const below = (row: Row) => [
    ...(row.skipped ? [`    skipped: ${row.skipped}`] : []),
    ...(row.outcome?.notes ?? []).map((note) => `    ${note}`),
    ...(row.outcome?.broken ?? []).map((promise) => `    BROKEN: ${promise}`),
  ];
  return [text[0]!, ...rows.flatMap((row, n) => [text[n + 1]!, ...below(row)])].join('\n');
}

const isText = (column: number) => column === 0 || column === COLUMNS.length - 1;

function cellsOf({ what, how, outcome, tookS, load }: Row): string[] {
  const seconds = (value: number | null) => (value === null ? '-' : `${value} s`);
  const figures = outcome
    ? [
        ...[outcome.accepted, outcome.lost, outcome.doubled, outcome.counted].map(String),
        ...[outcome.withoutAcceptanceS, outcome.criticalS, outcome.criticalOnceBackS].map(seconds),
      ]
    : Array.from({ length: COLUMNS.length - 4 }, () => '-');
  return [what, ...figures, `${tookS} s`, String(load), how];
}

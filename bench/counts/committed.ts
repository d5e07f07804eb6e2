import { readFileSync, writeFileSync } from 'node:fs';
import { type CountsByKind, KIND_NAMES, type Kind, METRICS, type Metric } from './metrics.js';

/** How much more is no rise yet. */
const RISE_ALLOWED = 0.03;
/** Bytes differ a little from run to run (times and ids have lengths of their own): so much of a difference is none. */
const SAME_BYTES = 0.01;

/** One change of the counts, and why it was worth it. */
export interface Change {
  readonly date: string;
  readonly reason: string;
  /** `plain.statements`: before and after; null before there was any. */
  readonly counts: Readonly<Record<string, readonly [number | null, number]>>;
}

/** What an e-mail is known to cost, and how it came to that. */
export interface CommittedCounts {
  readonly counts: Partial<Record<Kind, Partial<Record<Metric, number>>>>;
  readonly changes: readonly Change[];
}

/** One count beside the committed one. */
export interface Compared {
  readonly kind: Kind;
  readonly metric: Metric;
  /** Undefined where nothing is committed yet. */
  readonly before: number | undefined;
  readonly now: number;
  readonly verdict: 'same' | 'more' | 'less' | 'risen' | 'fallen' | 'new';
}

/** Compares all counts. `risen` and `fallen` are by more than 3 %, `more` and `less` by less. */
export function compareCounts(committed: CommittedCounts, counts: CountsByKind): Compared[] {
  return KIND_NAMES.flatMap((kind) =>
    METRICS.map((metric): Compared => {
      const before = committed.counts[kind]?.[metric];
      const now = counts[kind][metric];
      return { kind, metric, before, now, verdict: verdictOf(metric, before, now) };
    }),
  );
}

function verdictOf(metric: Metric, before: number | undefined, now: number): Compared['verdict'] {
  if (before === undefined) return 'new';
  if (now === before) return 'same';
  // Rounded: 7210 is not more than 3 % above 7000, whatever their quotient.
  const change = Math.round((now / before - 1) * 1e9) / 1e9;
  if (metric.endsWith('_bytes') && Math.abs(change) <= SAME_BYTES) return 'same';
  if (Math.abs(change) <= RISE_ALLOWED) return change > 0 ? 'more' : 'less';
  // What cannot be compared is a fault of the counting, and no success.
  return change < 0 ? 'fallen' : 'risen';
}

/** What must not pass without a reason: what has risen, and what nothing is committed of. */
export const failures = (compared: readonly Compared[]) =>
  compared.filter(({ verdict }) => verdict === 'risen' || verdict === 'new');

/** The committed counts with those of now in their place, and the reason; the same ones when nothing differs. */
export function accept(
  committed: CommittedCounts,
  compared: readonly Compared[],
  { reason, date }: Pick<Change, 'reason' | 'date'>,
): CommittedCounts {
  const changed = compared.filter(({ verdict }) => verdict !== 'same');
  if (changed.length === 0) return committed;
  const countOf = ({ verdict, before, now }: Compared) => (verdict === 'same' ? before! : now);
  const countsOf = (kind: Kind) => compared.filter((each) => each.kind === kind).map((c) => [c.metric, countOf(c)]);
  const counts = Object.fromEntries(KIND_NAMES.map((kind) => [kind, Object.fromEntries(countsOf(kind))]));
  const before = changed.map(({ kind, metric, before, now }) => [`${kind}.${metric}`, [before ?? null, now]]);
  return { counts, changes: [...committed.changes, { date, reason, counts: Object.fromEntries(before) }] };
}

/** @returns nothing committed where there is no file. */
export function readCommitted(file: string): CommittedCounts {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as CommittedCounts;
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return { counts: {}, changes: [] };
    throw error;
  }
}

/** Writes them as the formatter of the sources would. */
export function writeCommitted(file: string, committed: CommittedCounts): void {
  const text = JSON.stringify(committed, null, 2);
  // Before and after stand in one line.
  writeFileSync(file, `${text.replaceAll(/\[\s+(null|[\d.]+),\s+([\d.]+)\s+\]/g, '[$1, $2]')}\n`);
}

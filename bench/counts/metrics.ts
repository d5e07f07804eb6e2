/**
 * What an e-mail costs that can be counted, and is the same on every machine:
 * - `statements`: what PostgreSQL is asked, `begin` and `commit` among it.
 * - `transactions`: how often it is asked to begin and end one; each that writes waits for the disk once.
 * - `wal_bytes`: what these transactions write to the log, full pages after a checkpoint left out.
 * - `events`: of the workflow's history.
 * - `actions`: what Temporal Cloud would bill; see `countHistory`.
 * - `history_bytes`: as Temporal counts them, without the names of the processes in it.
 *
 * Not among them: Temporal's state transitions. A heartbeat is one, so they follow how long a call takes.
 */
export const METRICS = ['statements', 'transactions', 'wal_bytes', 'events', 'actions', 'history_bytes'] as const;
export type Metric = (typeof METRICS)[number];
export type Counts = Readonly<Record<Metric, number>>;

/** Whose costs are counted. */
export const KINDS = {
  plain: 'an e-mail without an attachment, from its submission to opened',
  attached: 'one with 100 KB attached',
  failed_over: 'one that the first provider refuses and the second takes',
  webhook: 'one webhook: a plain e-mail is delivered',
} as const;
export type Kind = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as Kind[];

/** What is compared: counts by kind. */
export type CountsByKind = Readonly<Record<Kind, Counts>>;

const isBytes = (metric: Metric) => metric.endsWith('_bytes');

/** The value that a share of all does not exceed. */
function below(share: number, values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN;
}

/**
 * What is typical of several e-mails of one kind. Of whole numbers the value that a quarter of them do not exceed: on a
 * busy machine something comes on top with some of them (a task that is given to another worker, a second look), and
 * never falls away. Of bytes, which differ a little either way, the median of those that had nothing on top. What costs
 * fewer than three quarters of the e-mails something is not seen.
 */
export function typicalCounts(counts: readonly Counts[]): Counts {
  const whole = METRICS.filter((metric) => !isBytes(metric)).map((metric) => {
    return [
      metric,
      below(
        0.25,
        counts.map((each) => each[metric]),
      ),
    ] as const;
  });
  const plain = counts.filter((each) => whole.every(([metric, typical]) => each[metric] === typical));
  const bytes = METRICS.filter(isBytes).map((metric) => {
    return [
      metric,
      below(
        0.5,
        (plain.length > 0 ? plain : counts).map((each) => each[metric]),
      ),
    ] as const;
  });
  const typical = Object.fromEntries([...whole, ...bytes]);
  return Object.fromEntries(METRICS.map((metric) => [metric, typical[metric]])) as Counts;
}

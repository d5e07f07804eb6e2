import type { Kysely } from 'kysely';
import type { Database } from '../../postgres/schema.js';

/**
 * What code knows of a status. A new one ("replied") is a new row of the table `statuses`: an event whose type has a row
 * there counts, any other is kept and changes nothing. `docs/data.md` shows how one is added.
 *
 * `rank` decides within an attempt: the highest event is the attempt's outcome, so a bounce after "delivered" is a
 * bounce. `preference` decides across attempts and against events of the whole generation: the best outcome wins.
 * `survives` outcomes count whatever generation they belong to: mail that was delivered stays delivered.
 * `final` statuses end the workflow's send rounds.
 */
export interface StatusRule {
  readonly name: string;
  readonly rank: number;
  readonly preference: number;
  readonly survives: boolean;
  readonly final: boolean;
  readonly description: string;
  /**
   * What the workflow makes of a final status: it goes on to wait for an open, ends as `opened`, or ends as whatever
   * the record says.
   */
  readonly signal: 'delivered' | 'opened' | 'over' | null;
  /** A workflow that ends so has the search attribute `EmailStatus`. */
  readonly trouble: boolean;
  /** Another life of the e-mail may follow. */
  readonly retryable: boolean;
  /** The sender is told. */
  readonly told: boolean;
  /** It says no more than that a provider has it: after a while the provider is asked. */
  readonly unheard: boolean;
  /** Types of providers' events that would be kept without a status, such as `mailgun_replied`, and now mean this one. */
  readonly provider_events: readonly string[];
}

type Flag = 'survives' | 'final' | 'trouble' | 'retryable' | 'told' | 'unheard';

const rule = (
  name: string,
  rank: number,
  preference: number,
  flags: readonly Flag[],
  description: string,
  signal: StatusRule['signal'] = flags.includes('final') ? 'over' : null,
): StatusRule => ({
  name,
  rank,
  preference,
  survives: flags.includes('survives'),
  final: flags.includes('final'),
  description,
  signal,
  trouble: flags.includes('trouble'),
  retryable: flags.includes('retryable'),
  told: flags.includes('told'),
  unheard: flags.includes('unheard'),
  provider_events: [],
});

/** The statuses this release ships with, as its migrations have written them into the table. */
export const STATUS_RULES = [
  rule('scheduled', 0, 10, [], 'accepted; waits for its scheduled time'),
  rule('queued', 5, 20, [], 'accepted; waits to be dispatched'),
  rule('sending', 10, 60, [], 'an attempt is under way'),
  rule('unconfirmed', 20, 50, [], 'an attempt is ambiguous: the provider may or may not have taken it'),
  rule('retrying', 30, 40, [], 'no provider took it yet; we are backing off'),
  rule('sent', 40, 160, ['survives', 'unheard'], 'a provider has taken it'),
  rule('deferred', 50, 150, ['survives', 'unheard'], 'the provider is trying again to deliver it'),
  rule('failed', 60, 120, ['final', 'trouble', 'retryable', 'told'], 'permanently refused; not sent'),
  rule('delivered', 70, 170, ['survives', 'final'], 'the receiving server took it', 'delivered'),
  rule('opened', 80, 180, ['survives', 'final'], 'the receiver opened it', 'opened'),
  rule('clicked', 85, 190, ['survives', 'final'], 'the receiver followed a link in it', 'opened'),
  rule('bounced', 90, 140, ['final', 'trouble', 'retryable', 'told'], 'the receiving server refused it'),
  rule('complained', 95, 200, ['survives', 'final', 'trouble'], 'the receiver called it spam'),
  rule('suppressed', 96, 125, ['final', 'trouble', 'retryable'], 'not sent: the address is suppressed'),
  rule('cancelled', 97, 130, ['final'], 'cancelled before it was handed over'),
  rule('dead', 98, 110, ['final', 'trouble', 'retryable', 'told'], 'past its retries; in the dead letter store'),
] as const;

export type StatusCatalogue = ReadonlyMap<string, StatusRule>;

export const SHIPPED_STATUSES: StatusCatalogue = new Map(STATUS_RULES.map((status) => [status.name, status]));

/** Reads the `statuses` table; a process does it once, at its start, and knows rows that are added later from its next. */
export async function loadStatuses(db: Kysely<Database>): Promise<StatusCatalogue> {
  const rows = await db.selectFrom('statuses').selectAll().orderBy('name').execute();
  return new Map(rows.map((row) => [row.name, row]));
}

/** The names of the statuses of which something holds. */
export const statusesThat = (catalogue: StatusCatalogue, holds: (rule: StatusRule) => boolean): string[] =>
  [...catalogue.values()].filter(holds).map(({ name }) => name);

/** The status that a provider's event means; its own type when none claims that. */
export function statusOf(catalogue: StatusCatalogue, type: string): string {
  if (catalogue.has(type)) return type;
  return statusesThat(catalogue, ({ provider_events }) => provider_events.includes(type))[0] ?? type;
}

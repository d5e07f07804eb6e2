import type { Kysely } from 'kysely';
import type { Database } from '../../postgres/schema.js';

/**
 * The statuses an e-mail can have, as they are seeded into the `statuses` table. A new one ("replied") is a new row:
 * an event whose type has a row there counts, any other is kept and changes nothing.
 *
 * `rank` decides within an attempt: the highest event is the attempt's outcome, so a bounce after "delivered" is a
 * bounce. `preference` decides across attempts and against events of the whole generation: the best outcome wins.
 * `survives` outcomes count whatever generation they belong to: mail that was delivered stays delivered.
 * `final` statuses end the workflow's interest in a hand-over.
 */
export interface StatusRule {
  readonly name: string;
  readonly rank: number;
  readonly preference: number;
  readonly survives: boolean;
  readonly final: boolean;
  readonly description: string;
}

const rule = (
  name: string,
  rank: number,
  preference: number,
  flags: { survives?: boolean; final?: boolean },
  description: string,
): StatusRule => ({
  name,
  rank,
  preference,
  survives: flags.survives ?? false,
  final: flags.final ?? false,
  description,
});

export const STATUS_RULES = [
  rule('scheduled', 0, 10, {}, 'accepted; waits for its scheduled time'),
  rule('queued', 5, 20, {}, 'accepted; waits to be dispatched'),
  rule('sending', 10, 60, {}, 'an attempt is under way'),
  rule('unconfirmed', 20, 50, {}, 'an attempt is ambiguous: the provider may or may not have taken it'),
  rule('retrying', 30, 40, {}, 'no provider took it yet; we are backing off'),
  rule('sent', 40, 160, { survives: true }, 'a provider has taken it'),
  rule('deferred', 50, 150, { survives: true }, 'the provider is trying again to deliver it'),
  rule('failed', 60, 120, { final: true }, 'permanently refused; not sent'),
  rule('delivered', 70, 170, { survives: true, final: true }, 'the receiving server took it'),
  rule('opened', 80, 180, { survives: true, final: true }, 'the receiver opened it'),
  rule('clicked', 85, 190, { survives: true, final: true }, 'the receiver followed a link in it'),
  rule('bounced', 90, 140, { final: true }, 'the receiving server refused it'),
  rule('complained', 95, 200, { survives: true, final: true }, 'the receiver called it spam'),
  rule('suppressed', 96, 125, { final: true }, 'not sent: the address is suppressed'),
  rule('cancelled', 97, 130, { final: true }, 'cancelled before it was handed over'),
  rule('dead', 98, 110, { final: true }, 'past its retries; in the dead letter store'),
] as const;

export type StatusCatalogue = ReadonlyMap<string, StatusRule>;

/** The statuses this release ships with. */
export const SHIPPED_STATUSES: StatusCatalogue = new Map(STATUS_RULES.map((status) => [status.name, status]));

/** Reads the `statuses` table; a process does it once, at its start. */
export async function loadStatuses(db: Kysely<Database>): Promise<StatusCatalogue> {
  const rows = await db.selectFrom('statuses').selectAll().execute();
  return new Map(rows.map((row) => [row.name, row]));
}

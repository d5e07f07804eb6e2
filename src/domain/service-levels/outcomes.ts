import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { Priority } from '../../priority.js';
import type { ServiceLevelCounts } from './report.js';

/** What an e-mail can have come to, as its service level counts it. */
export const OUTCOMES = ['in_time', 'late', 'late_by_pause', 'dead', 'failed', 'suppressed', 'cancelled'] as const;

export type Outcome = (typeof OUTCOMES)[number];

/** The e-mails of one priority whose first deadline is in one hour, by what they have come to so far. */
export interface HourOfOutcomes extends Omit<ServiceLevelCounts, 'pending'> {
  /** When the hour begins. */
  readonly hour: Date;
  readonly priority: Priority;
  /** One of the last 24 whole hours, this one, or one to come. */
  readonly of_last_day: boolean;
}

/** Reads what e-mails have come to, by hour: of the last two days, and of hours to come. All clients together. */
export async function readOutcomes(db: Db): Promise<HourOfOutcomes[]> {
  const sums = OUTCOMES.map((outcome) => sql`sum(${sql.ref(outcome)})::int as ${sql.ref(outcome)}`);
  const { rows } = await sql<HourOfOutcomes>`
    select hour, priority, hour > now() - interval '25 hours' as of_last_day, ${sql.join(sums)}
    from service_levels where hour > now() - interval '48 hours' group by hour, priority`.execute(db);
  return rows;
}

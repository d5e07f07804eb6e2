import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { attachedMonths, monthBounds } from '../../postgres/months.js';
import type { Retained } from '../../postgres/schema.js';
import { type ClientPeriods, type Periods, readPeriods } from './periods.js';

/** What retention has to do, as things are. */
export interface RetentionPlan {
  /** E-mail by e-mail. `untilMonth`: no later than this month, as `YYYYMM`. */
  readonly walks: readonly { readonly what: Retained; readonly clientId: string; readonly untilMonth?: string }[];
  /** As a whole, as `YYYYMM`: the oldest of those whose time is over for every client. */
  readonly dropMonth: string | undefined;
}

const DAY_MS = 24 * 60 * 60_000;
/** An e-mail that was accepted at the end of its month may be due so much later. */
const LATEST_SEND_AT_DAYS = 30;

/**
 * Says what is to be removed. Contents go e-mail by e-mail. Records of the clients with the longest period go by the month,
 * which costs nothing, unless something keeps that month; those of others e-mail by e-mail.
 *
 * @param isKept whether something keeps a month from being dropped.
 */
export async function planRetention(
  db: Db,
  configured: Periods,
  isKept: (month: string) => Promise<boolean>,
): Promise<RetentionPlan> {
  const clients = await readPeriods(db, configured);
  const longest = longestRecord(clients);
  const over = longest === null ? [] : await monthsOver(db, longest);
  const kept: string[] = [];
  let dropMonth: string | undefined;
  for (const month of over) {
    if (await isKept(month)) kept.push(month);
    else dropMonth ??= month;
  }
  const walks = clients.flatMap(({ clientId, content, record }) => [
    ...(content === null ? [] : [{ what: 'content', clientId } as const]),
    ...(record === null || record === longest ? [] : [{ what: 'record', clientId } as const]),
    ...(record !== null && record === longest && kept.length > 0
      ? [{ what: 'record', clientId, untilMonth: kept.at(-1)! } as const]
      : []),
  ]);
  return { walks, dropMonth };
}

/** @returns null: those of some client are kept for good. */
function longestRecord(clients: readonly ClientPeriods[]): number | null {
  let longest: number | null = clients.length > 0 ? 0 : null;
  for (const { record } of clients) {
    longest = longest === null || record === null ? null : Math.max(longest, record);
  }
  return longest;
}

/** Months in which nothing is younger than so many days, the oldest first. */
async function monthsOver(db: Db, days: number): Promise<string[]> {
  const { rows } = await sql<{ now: Date }>`select now() as now`.execute(db);
  const before = rows[0]!.now.getTime() - (days + LATEST_SEND_AT_DAYS) * DAY_MS;
  return (await attachedMonths(db)).filter((month) => monthBounds(month).end.getTime() <= before);
}

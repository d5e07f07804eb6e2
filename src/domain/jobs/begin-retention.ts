import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { Periods } from '../retention/periods.js';
import { beginJob } from './jobs.js';
import type { RetentionParameters } from './kinds/retention.js';

/** A little less than a day, so that it stays at about the same hour. */
const EVERY = sql`interval '23 hours 50 minutes'`;
/** Batches a second: a thousand e-mails, several times of what comes in at a million a day. */
const RATE_PER_S = 5;

/**
 * Begins the day's retention when something is to be kept for a time only, and none was begun lately. One that an operator
 * has stopped holds up those to come until it is resumed. Two at once begin one, or two that do the same between them.
 *
 * @param configured for clients that say nothing of their own.
 * @returns its id, or undefined.
 */
export async function beginRetention(db: Db, configured: Periods): Promise<string | undefined> {
  const { rows } = await sql<{ due: boolean }>`select
    (${configured.content !== null || configured.record !== null}
      or exists (select from clients where content_days > 0 or record_days > 0))
    and not exists (select from jobs where kind = 'retention'
      and (state in ('planning', 'running', 'stopped') or created_at > now() - ${EVERY})) as due`.execute(db);
  if (!rows[0]!.due) return undefined;
  const parameters: RetentionParameters = { configured };
  return beginJob(db, { kind: 'retention', parameters, reason: 'retention', ratePerS: RATE_PER_S });
}

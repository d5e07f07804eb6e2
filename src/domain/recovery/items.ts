import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import { QUEUE_CHANNEL } from '../../postgres/channels.js';
import { count } from '../../postgres/counters.js';
import type { Db } from '../../postgres/database.js';
import type { Source, Verdict } from '../../postgres/schema.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import type { Priority } from '../../priority.js';
import { type Doer, recordAct } from '../audit/record.js';
import { generationEvent, lockEmail } from '../emails/events.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import { activeHold } from '../holds/match.js';
import { recordEvents } from '../transitions/record.js';
import { adoptSent } from './adopt.js';
import type { Candidate } from './candidates.js';
import type { Judgement } from './verdict.js';

/** One e-mail of a recovery's list. */
export interface RecoveryItem {
  readonly emailId: string;
  readonly verdict: Verdict;
  readonly evidence: string;
  readonly provider: ProviderName | null;
  readonly stored: boolean;
  /** Who knows of an e-mail that the record lacks. */
  readonly sources: readonly Source[];
  readonly priority: Priority | null;
  readonly clientId: string | null;
  readonly status: string | null;
  readonly decision: 'released' | 'discarded' | null;
}

/** How many of each verdict; of the unknown, how many are undecided. */
export interface RecoveryCounts {
  readonly sent: number;
  readonly unsent: number;
  readonly unknown: number;
  readonly undecided: number;
  readonly lacking: number;
}

/** Writes a judgement down, with all that follows from it, in one transaction. A second time it changes nothing. */
export async function recordJudgement(
  db: Db,
  recoveryId: string,
  { emailId, priority }: Pick<Candidate, 'emailId' | 'priority'>,
  { verdict, evidence, sent }: Judgement,
  catalogue: StatusCatalogue,
): Promise<void> {
  await transact(db, async (trx) => {
    const isNew = await insertItem(trx, {
      ...{ recoveryId, emailId, verdict, evidence, priority },
      provider: sent[0]?.provider ?? null,
    });
    if (isNew && sent.length > 0) await adoptSent(trx, emailId, sent, catalogue);
  });
}

interface NewItem {
  readonly recoveryId: string;
  readonly emailId: string;
  readonly verdict: Verdict;
  readonly evidence: string;
  readonly provider: ProviderName | null;
  readonly priority: Priority;
}

async function insertItem(db: Db, { recoveryId, emailId, ...item }: NewItem): Promise<boolean> {
  const row = await db
    .insertInto('recovery_items')
    .values({ recovery_id: recoveryId, email_id: emailId, ...item, client_id: null, decision: null, decided_at: null })
    .onConflict((conflict) => conflict.columns(['email_id', 'recovery_id']).doNothing())
    .returning('email_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** The list of a recovery, by id. @param after the last one of the page before. */
export async function listItems(
  db: Db,
  recoveryId: string,
  { verdict, undecided, after, limit }: ListOptions,
): Promise<RecoveryItem[]> {
  const { rows } = await sql<RecoveryItem>`
    select i.email_id as "emailId", i.verdict, i.evidence, i.provider, i.stored, i.sources, i.priority, i.decision,
      coalesce(e.client_id, i.client_id) as "clientId", e.status
    from recovery_items i left join emails e on e.id = i.email_id
    where i.recovery_id = ${recoveryId} and i.verdict = ${verdict} and (not ${undecided}::boolean or i.decision is null)
      and (${after ?? null}::uuid is null or i.email_id > ${after ?? null}::uuid)
    order by i.email_id limit ${limit}`.execute(db);
  return rows;
}

interface ListOptions {
  readonly verdict: Verdict;
  readonly undecided: boolean;
  readonly after?: string;
  readonly limit: number;
}

export async function countItems(db: Db, recoveryId: string): Promise<RecoveryCounts> {
  const { rows } = await sql<RecoveryCounts>`
    select count(*) filter (where verdict = 'sent')::int as sent,
      count(*) filter (where verdict = 'unsent')::int as unsent,
      count(*) filter (where verdict = 'unknown')::int as unknown,
      count(*) filter (where verdict = 'unknown' and decision is null)::int as undecided,
      count(*) filter (where verdict = 'lacking')::int as lacking
    from recovery_items where recovery_id = ${recoveryId}`.execute(db);
  return rows[0]!;
}

/** What an operator does about an unknown e-mail: it is sent, perhaps a second time; or it is not. */
export type Decision = 'released' | 'discarded';

/**
 * Decides about an unknown e-mail. A released one takes its place by due time, and counts as a possible duplicate; a
 * discarded one is cancelled. Evidence that came meanwhile, by webhook, wins.
 *
 * @returns false when there is nothing to decide: it is not unknown, or was decided before.
 */
export async function decide(
  db: Db,
  doer: Doer,
  emailId: string,
  decision: Decision,
  catalogue: StatusCatalogue,
): Promise<boolean> {
  return transact(db, async (trx) => {
    const email = await lockEmail(trx, emailId);
    const item = await trx
      .updateTable('recovery_items')
      .set({ decision, decided_at: sql<Date>`clock_timestamp()` })
      .where('email_id', '=', emailId)
      .where('verdict', '=', 'unknown')
      .where('decision', 'is', null)
      .returning(['recovery_id', 'provider'])
      .executeTakeFirst();
    if (!item) return false;
    const action = decision === 'released' ? 'recovery.release' : 'recovery.discard';
    await recordAct(trx, doer, { action, target: { kind: 'email', id: emailId } });
    const rule = email && catalogue.get(email.status);
    if (email && !rule?.final && !rule?.survives) {
      if (decision === 'released') {
        await count(trx, 'repeated_sends', item.provider ?? 'unknown');
        await putBack(trx, emailId);
      } else {
        const event = generationEvent(email.generation, 'cancelled', { by: 'recovery' });
        await recordEvents(trx, email, [event], catalogue, { columns: { cancelled_at: sql<Date>`now()` } });
        await trx.deleteFrom('email_queue').where('email_id', '=', emailId).execute();
      }
    }
    await endDecidedHold(trx, item.recovery_id);
    return true;
  });
}

/** As when a hold ends: in its old place, woken if its workflow sleeps, unless another hold concerns it. */
async function putBack(trx: Trx, emailId: string): Promise<void> {
  await sql`
    with moved as (
      update email_queue q set
        state = case when active.id is not null then 'held'
          when q.dispatched_at is null then 'waiting' else 'awaiting_provider' end,
        hold_id = active.id,
        ready_at = case when q.dispatched_at is null then q.ready_at else now() end,
        check_at = case when q.dispatched_at is null or active.id is not null then null else now() + interval '1 minute' end
      from emails e left join lateral (${activeHold}) active on true
      where e.id = ${emailId} and q.email_id = e.id and q.state = 'held'
      returning q.priority)
    select pg_notify(${QUEUE_CHANNEL}, priority) from moved`.execute(trx);
}

/** A finished recovery's hold ends with its last e-mail. */
async function endDecidedHold(trx: Trx, recoveryId: string): Promise<void> {
  await sql`update holds set released_at = clock_timestamp()
    where recovery_id = ${recoveryId} and listed and released_at is null and not exists (
      select from recovery_items where recovery_id = ${recoveryId} and verdict = 'unknown' and decision is null)
    `.execute(trx);
}

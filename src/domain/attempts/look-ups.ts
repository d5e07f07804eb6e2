import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import type { LookUpWindow } from '../../providers/provider.js';
import type { AttemptId } from './transitions.js';

/** An attempt as its provider is asked about it. */
export interface SoughtAttempt extends AttemptId {
  readonly startedAt: Date;
  readonly receiver: string;
  /** The provider's own id of the message, where it is known. */
  readonly providerMessageId: string | null;
}

/** How many queued look-ups a turn looks at, most urgent first: those that were settled meanwhile make room for the rest. */
const LOOKED_AT = 200;

/**
 * Asks for the turn to search at a provider that limits searches. Turns of all processes are `everyMs` apart, by the
 * database's clock. Whoever has the turn searches for others, too, those first that are decided first. Without a turn
 * the look-up is queued for the next turn.
 *
 * @param decideInMs when the asker's attempt is given up without evidence.
 * @returns what to search for now, the asker's own first; nothing when it is not its turn.
 */
export async function takeLookUpTurn(
  db: Db,
  asker: SoughtAttempt,
  decideInMs: number,
  { everyMs, size }: LookUpWindow,
): Promise<SoughtAttempt[]> {
  return transact(db, async (trx) => {
    if (!(await takeTurn(trx, asker.provider, everyMs))) {
      await queueLookUp(trx, asker, decideInMs);
      return [];
    }
    await removeQueuedLookUp(trx, asker);
    return [asker, ...(await takeQueuedLookUps(trx, asker, size - 1))];
  });
}

/**
 * Takes the turn to search at a provider, if it is there: who moves `next_look_up_at` has it. Searches of all processes
 * share the provider's limit.
 */
export async function takeTurn(db: Db, provider: ProviderName, everyMs: number): Promise<boolean> {
  const taken = await db
    .updateTable('provider_health')
    .set({ next_look_up_at: sql<Date>`clock_timestamp() + make_interval(secs => ${everyMs / 1000})` })
    .where('provider', '=', provider)
    .where(sql<boolean>`next_look_up_at <= clock_timestamp()`)
    .returning('provider')
    .executeTakeFirst();
  return taken !== undefined;
}

async function queueLookUp(trx: Trx, id: AttemptId, decideInMs: number): Promise<void> {
  const { emailId, generation, attempt, provider } = id;
  const decideAt = sql<Date>`clock_timestamp() + make_interval(secs => ${decideInMs / 1000})`;
  await trx
    .insertInto('look_ups')
    .values({ email_id: emailId, generation, attempt, provider, decide_at: decideAt })
    .onConflict((conflict) =>
      conflict.columns(['email_id', 'generation', 'attempt']).doUpdateSet({ decide_at: decideAt }),
    )
    .execute();
}

async function removeQueuedLookUp(trx: Trx, { emailId, generation, attempt }: AttemptId): Promise<void> {
  await trx
    .deleteFrom('look_ups')
    .where('email_id', '=', emailId)
    .where('generation', '=', generation)
    .where('attempt', '=', attempt)
    .execute();
}

/** Takes the most urgent queued look-ups out, and drops those whose attempt is not ambiguous any more. */
async function takeQueuedLookUps(trx: Trx, { provider }: AttemptId, limit: number): Promise<SoughtAttempt[]> {
  const { rows } = await sql<SoughtAttempt>`
    with urgent as materialized (
      select email_id, generation, attempt, decide_at from look_ups where provider = ${provider}
      order by decide_at limit ${LOOKED_AT} for update skip locked),
    doubtful as materialized (
      select u.email_id, u.generation, u.attempt, a.started_at, e.receiver,
        row_number() over (order by u.decide_at) as place
      from urgent u join send_attempts a using (email_id, generation, attempt) join emails e on e.id = u.email_id
      where a.state = 'ambiguous'),
    gone as (
      delete from look_ups l using urgent u left join doubtful d using (email_id, generation, attempt)
      where (l.email_id, l.generation, l.attempt) = (u.email_id, u.generation, u.attempt)
        and (d.place is null or d.place <= ${limit}))
    select email_id as "emailId", generation, attempt, ${provider} as provider, started_at as "startedAt", receiver,
      null as "providerMessageId"
    from doubtful where place <= ${limit} order by place`.execute(trx);
  return rows;
}

import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { Priority } from '../../priority.js';
import { idDigest } from '../personal-data/id-digest.js';
import type { BelievedUnsent } from './verdict.js';

/** An e-mail that the restored record believes unsent, and as what its evidence is sought. */
export interface Candidate extends BelievedUnsent {
  readonly emailId: string;
  readonly generation: number;
  readonly priority: Priority;
  readonly receiver: string;
  readonly hasSpool: boolean;
}

/** What of a recovery says whom it judges. */
interface Begun {
  readonly id: string;
  readonly begunAt: Date;
}

/** Whom a recovery has not judged yet: what is queued, and dead letters that nobody has dealt with. */
const pending = ({ id, begunAt }: Begun) => sql`
  select q.email_id, q.generation, q.priority, q.due_at > ${begunAt} as is_due_later,
    q.dispatched_at is not null as was_dispatched, false as is_dead
  from email_queue q where q.state <> 'handed_over'
    and not exists (select from recovery_items i where i.email_id = q.email_id and i.recovery_id = ${id})
  union all
  select e.id, e.generation, e.priority, false, true, true
  from dead_emails d join emails e on e.id = d.email_id and e.generation = d.generation
  where d.resolved_at is null
    and not exists (select from recovery_items i where i.email_id = d.email_id and i.recovery_id = ${id})`;

/**
 * The next e-mails to judge, by id. Those accepted after the recovery began are not among them: nobody has sent them.
 *
 * @param after the last one that was looked at.
 */
export async function nextCandidates(
  db: Db,
  recovery: Begun,
  after: string | null,
  limit: number,
): Promise<Candidate[]> {
  const { rows } = await sql<Candidate>`
    select p.email_id as "emailId", p.generation, p.priority, e.receiver, p.is_dead as "isDead",
      p.is_due_later as "isDueLater", p.was_dispatched as "wasDispatched",
      exists (select from send_attempts a where a.email_id = p.email_id and a.generation = p.generation
        and a.state in ('calling', 'ambiguous')) as "hasOpenCall",
      exists (select from attachments f where f.email_id = p.email_id and f.storage_path is null) as "hasSpool"
    from (${pending(recovery)}) p join emails e on e.id = p.email_id
    where e.created_at < ${recovery.begunAt} and (${after}::uuid is null or p.email_id > ${after}::uuid)
    order by p.email_id limit ${limit}`.execute(db);
  return rows;
}

/** How many are still to be judged. */
export async function countCandidates(db: Db, recovery: Begun): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (${pending(recovery)}) p join emails e on e.id = p.email_id
    where e.created_at < ${recovery.begunAt}`.execute(db);
  return rows[0]!.count;
}

/**
 * The record does not know this id, nor has anybody forgotten it, nor the retention of any client passed it: that stays
 * a day behind, so the record had those, and has removed them since.
 */
const isLacked = sql`not exists (select from emails e where e.id = id.id)
  and not exists (select from forgotten_emails f where f.id_digest = ${idDigest(sql.ref('id.id'))})
  and not exists (select from retention_walks w where w.what = 'record' and id.id <= w.past_id)`;

/** Which of these ids the record lacks. */
export async function lackedByTheRecord(db: Db, emailIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from unnest(${[...emailIds]}::uuid[]) id where ${isLacked}`.execute(db);
  return rows.map(({ id }) => id);
}

/** When the newest e-mail was accepted that the record had at the point of the restore; undefined: it had none. */
export async function newestAcceptedBy(db: Db, restoredTo: Date): Promise<Date | undefined> {
  const newest = await db
    .selectFrom('emails')
    .select('created_at')
    .where('created_at', '<=', restoredTo)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return newest?.created_at;
}

/** Which of these e-mails have an attachment that the record believes not uploaded yet. */
export async function spooledInTheRecord(db: Db, emailIds: readonly string[]): Promise<string[]> {
  const rows = await db
    .selectFrom('attachments')
    .select('email_id')
    .where('email_id', '=', sql<string>`any(${[...emailIds]}::uuid[])`)
    .where('storage_path', 'is', null)
    .execute();
  return rows.map(({ email_id }) => email_id);
}

/**
 * Which of these ids the record lacks, and no recovery has listed as lacking. Those before its first e-mail are not among
 * them: the record had them once, and their month was dropped.
 */
export async function unexplained(db: Db, emailIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from unnest(${[...emailIds]}::uuid[]) id
    where ${isLacked}
      and not exists (select from recovery_items i where i.email_id = id.id)
      and (not exists (select from emails) or id.id > (select id from emails order by id limit 1))`.execute(db);
  return rows.map(({ id }) => id);
}

import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { uuidFloor } from '../../postgres/partitions.js';
import type { Retained } from '../../postgres/schema.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import { removeContent } from './content.js';
import { removeRecords } from './record.js';

/** Whose data of which kind are removed. */
export interface Walk {
  readonly clientId: string;
  readonly what: Retained;
  /** E-mails stay for so many days after they were due. */
  readonly days: number;
  /** E-mails with this id or a later one are left alone, however old. */
  readonly before?: string;
}

/** E-mails at a time, in one transaction: tens of milliseconds, in which news of just these waits. */
export const BATCH = 200;

const DAY_MS = 24 * 60 * 60_000;

/** What keeps an e-mail beyond its period is looked at again so soon. */
const AGAIN = sql`interval '1 hour'`;

/**
 * Removes the next of a client's e-mails whose time is over, along the index of the client's mail, in one transaction. One
 * that is dead, on its way or held stays, and is looked at again when that may have ended: behind the walk nothing else is
 * left. Two at once: one does it.
 *
 * @returns how many were removed, and whether there may be more.
 */
export async function walkOn(db: Db, walk: Walk): Promise<{ readonly removed: number; readonly more: boolean }> {
  const { clientId, what } = walk;
  await sql`insert into retention_walks (client_id, what) values (${clientId}, ${what}) on conflict do nothing`.execute(
    db,
  );
  return transact(db, async (trx) => {
    const at = await lockWalk(trx, walk);
    if (!at) return { removed: 0, more: true };
    const next = await nextEmails(trx, walk, at);
    const again = next.length < BATCH ? await deferredEmails(trx, walk, BATCH - next.length) : [];
    const ids = [...again, ...next].sort();
    if (ids.length === 0) return { removed: 0, more: false };
    const removed = await (what === 'content' ? removeContent : removeRecords)(
      trx,
      await lockEmails(trx, ids),
      walk.days,
    );
    await deferOthers(trx, walk, ids, removed);
    await sql`update retention_walks set past_id = greatest(past_id, ${next.at(-1) ?? at.past_id}::uuid),
      removed = removed + ${removed.length} where client_id = ${clientId} and what = ${what}`.execute(trx);
    return { removed: removed.length, more: ids.length === BATCH };
  });
}

interface Position {
  readonly past_id: string;
  readonly now: Date;
}

/** @returns undefined when somebody else is at it. */
async function lockWalk(trx: Trx, { clientId, what }: Walk): Promise<Position | undefined> {
  const { rows } = await sql<Position>`select past_id, now() as now from retention_walks
    where client_id = ${clientId} and what = ${what} for update skip locked`.execute(trx);
  return rows[0];
}

/** None is younger than the period: what is accepted while this runs is not passed by. */
async function nextEmails(trx: Trx, { clientId, days, before }: Walk, { past_id, now }: Position): Promise<string[]> {
  const old = uuidFloor(new Date(now.getTime() - days * DAY_MS));
  const end = before && before < old ? before : old;
  const { rows } = await sql<{ id: string }>`select id from emails
    where client_id = ${clientId} and id > ${past_id}::uuid and id < ${end}::uuid order by id limit ${BATCH}`.execute(
    trx,
  );
  return rows.map(({ id }) => id);
}

async function deferredEmails(trx: Trx, { clientId, what }: Walk, limit: number): Promise<string[]> {
  const { rows } = await sql<{ email_id: string }>`select email_id from retention_deferred
    where client_id = ${clientId} and what = ${what} and look_at <= now() order by look_at limit ${limit}`.execute(trx);
  return rows.map(({ email_id }) => email_id);
}

/**
 * Locks e-mails against whoever would begin something with them; one that somebody is at has to stay. What follows asks
 * in a statement of its own, so that it sees what was begun before the lock.
 */
async function lockEmails(trx: Trx, ids: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from emails
    where id = any(${ids}::uuid[]) and id between ${ids[0]!}::uuid and ${ids.at(-1)!}::uuid
    for update skip locked`.execute(trx);
  return rows.map(({ id }) => id).sort();
}

/** Has those that stayed looked at once more, and forgets of the others that they were to be. */
async function deferOthers(trx: Trx, walk: Walk, ids: readonly string[], removed: readonly string[]): Promise<void> {
  const { clientId, what, days } = walk;
  const gone = new Set(removed);
  const others = ids.filter((id) => !gone.has(id));
  await sql`delete from retention_deferred where email_id = any(${ids}::uuid[]) and what = ${what}`.execute(trx);
  if (others.length === 0) return;
  await sql`insert into retention_deferred (email_id, what, client_id, look_at)
    select id, ${what}, ${clientId}, greatest(now() + ${AGAIN}, due_at + make_interval(days => ${days}))
    from emails where id = any(${others}::uuid[]) and id between ${others[0]!}::uuid and ${others.at(-1)!}::uuid
      and (${what} = 'record' or content_removed_at is null)`.execute(trx);
}

/** How many e-mails were concerned, since ever. */
export async function countRemoved(db: Db): Promise<Record<Retained, number>> {
  const { rows } = await sql<Record<Retained, number>>`select
    coalesce(sum(removed) filter (where what = 'content'), 0)::bigint as content,
    coalesce(sum(removed) filter (where what = 'record'), 0)::bigint as record from retention_walks`.execute(db);
  return rows[0]!;
}

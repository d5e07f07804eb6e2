import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Db } from '../../../postgres/database.js';
import { detachLeaf, dropLeaves, monthBounds, type Partitioned, stateOfLeaf } from '../../../postgres/months.js';
import { PARTITIONED } from '../../../postgres/partitions.js';
import { inParallel } from '../../../process/parallel.js';
import { done, failed, type JobKind, type StepContext } from '../kind.js';

/** Drops a month of e-mails with all that belongs to them: rows, objects in the store, closed dead letters. */
export interface DropMonthParameters {
  /** As `YYYYMM`, in UTC. */
  readonly month: string;
}

const monthOf = (parameters: unknown) => (parameters as DropMonthParameters).month;

/** The e-mails first: without them nobody writes to what belongs to them. Objects while their rows still name them. */
const ITEMS = [...PARTITIONED.map((table) => `detach ${table}`), 'objects', 'drop'];

const detachedBy = (target: string) =>
  target.startsWith('detach ') ? (target.slice('detach '.length) as Partitioned) : undefined;

/** What else wants the lock gets it meanwhile. */
const TRY_AGAIN_MS = 200;

export const dropMonth: JobKind = {
  inOrder: true,

  async plan() {
    return { items: ITEMS.map((target) => ({ target })), next: null };
  },

  async prepare(context, { parameters }, { target }) {
    const month = monthOf(parameters);
    if (target === 'objects') return removeObjects(context, month);
    const table = detachedBy(target);
    if (!table) return 'ready';
    // Once the e-mails are out nothing of theirs can begin any more.
    const unless = table === 'emails' ? keepsSql(month) : 'false';
    if ((await detachLeaf(context.db, table, month, unless)) !== 'busy') return 'ready';
    await delay(TRY_AGAIN_MS * (1 + Math.random()));
    return 'again';
  },

  async step(trx, _context, { parameters }, { target }) {
    const month = monthOf(parameters);
    const table = detachedBy(target);
    if (table) {
      if ((await stateOfLeaf(trx, table, month)) !== 'attached') return done;
      // What kept it may have ended since: then the job is begun again.
      return failed((await whyKept(trx, month)) ?? 'was_kept');
    }
    if (target === 'drop') {
      const { first, next } = monthBounds(month);
      await dropLeaves(trx, month);
      // They would be counted for good.
      await sql`delete from dead_emails where email_id >= ${first}::uuid and email_id < ${next}::uuid`.execute(trx);
    }
    return done;
  },
};

/** Whether something keeps a month: as `whyKept`, for the one statement that detaches it. */
function keepsSql(month: string): string {
  const { first, next, end } = monthBounds(month);
  const ofMonth = `email_id >= '${first}' and email_id < '${next}'`;
  return `now() < '${end.toISOString()}' or exists (select from email_queue where ${ofMonth})
    or exists (select from dead_emails where ${ofMonth} and resolved_at is null)`;
}

async function whyKept(db: Db, month: string): Promise<string | undefined> {
  if (monthBounds(month).end.getTime() > Date.now()) return 'not_over';
  const keepers = await whatKeeps(db, month);
  return keepers && (keepers.unfinished > 0 ? 'unfinished' : 'open_dead_letters');
}

/** Why a month cannot go yet. */
export interface MonthKeepers {
  /** E-mails that still have something to do. */
  readonly unfinished: number;
  readonly open_dead_letters: number;
  /** Some of their ids. */
  readonly examples: readonly string[];
}

const EXAMPLES = 5;

/** @returns undefined when nothing keeps it. */
export async function whatKeeps(db: Db, month: string): Promise<MonthKeepers | undefined> {
  const { first, next } = monthBounds(month);
  const ofMonth = sql`email_id >= ${first}::uuid and email_id < ${next}::uuid`;
  const { rows } = await sql<MonthKeepers>`
    with unfinished as (select email_id from email_queue where ${ofMonth}),
      dead as (select email_id from dead_emails where ${ofMonth} and resolved_at is null)
    select (select count(*) from unfinished) as unfinished, (select count(*) from dead) as open_dead_letters,
      array(select email_id from (table unfinished union table dead) as ids order by email_id limit ${EXAMPLES})
        as examples`.execute(db);
  const keepers = rows[0]!;
  return keepers.unfinished + keepers.open_dead_letters > 0 ? keepers : undefined;
}

/** So many objects in one go, so many at a time. */
const OBJECTS = 200;
const OBJECTS_AT_ONCE = 8;

/**
 * Removes objects that rows of the month name, and then these rows, so that it goes on where it was. An e-mail that was
 * sent again shares its object with those of later months: the last of them removes it.
 */
async function removeObjects({ db, store }: StepContext, month: string): Promise<'ready' | 'again'> {
  if ((await stateOfLeaf(db, 'attachments', month)) !== 'detached') return 'ready';
  const leaf = sql.table(`attachments_${month}`);
  // Who was sent again is found by an index of each month, also of the one that is no part of the table any more. An
  // object's key ends with the id of the e-mail that it was uploaded for.
  const { rows } = await sql<{ email_id: string; storage_path: string; shared: boolean }>`
    select l.email_id, l.storage_path, exists (
      with recursive family as (
        select l.email_id as id
        union select right(l.storage_path, 36)::uuid where right(l.storage_path, 36) ~ '^[0-9a-f-]{36}$'
        union select again.id from (
            select id, resend_of from emails where resend_of is not null
            union all select id, resend_of from ${sql.table(`emails_${month}`)} where resend_of is not null) again
          join family f on again.resend_of = f.id)
      select from attachments a join family f on f.id = a.email_id where a.storage_path = l.storage_path) as shared
    from ${leaf} l where l.storage_path is not null limit ${OBJECTS}`.execute(db);
  const own = rows.filter(({ shared }) => !shared);
  await inParallel(own.length, OBJECTS_AT_ONCE, (n) => store.delete(own[n]!.storage_path));
  const ids = rows.map(({ email_id }) => email_id);
  await sql`delete from ${leaf} where email_id = any(${ids}::uuid[])`.execute(db);
  return rows.length === OBJECTS ? 'again' : 'ready';
}

import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { type EmailFilter, type IdRange, matches } from './filter.js';
import type { FoundEmail, FoundPage } from './found.js';
import { findByLabel, hasLabels } from './labels.js';
import { byClient, chooseWalk, type Walk } from './walks.js';

/** How many rows of an index one page reads at most. */
const ROWS = 10_000;
/** Of what is found by labels: so many of the newest e-mails are looked through first. */
const FIRST_ROWS = 500;

/**
 * E-mails, the newest first. Every page is answered along an index and reads a bounded number of its rows, so a page
 * may be short, or empty, and the next one go on.
 *
 * @param range when they were accepted; `before` is where the page before ended.
 */
export async function searchEmails(db: Db, filter: EmailFilter, range: IdRange, limit: number): Promise<FoundPage> {
  const walk = await bestWalk(db, filter, range);
  if (!hasLabels(filter) || walk.by === 'receiver') return walkPage(db, walk, filter, { range, limit, rows: ROWS });
  // Labels that many e-mails have fill the page at once. Of others their index is asked.
  const first = await walkPage(db, walk, filter, { range, limit, rows: FIRST_ROWS });
  if (first.emails.length === limit || !first.before) return first;
  const rest = { ...range, before: first.before };
  const found = await findByLabel(db, filter, rest, limit - first.emails.length);
  return { emails: [...first.emails, ...found.emails], before: found.before };
}

/** A client with little mail is looked through whole, whatever is asked. */
async function bestWalk(db: Db, filter: EmailFilter, range: IdRange): Promise<Walk> {
  const walk = chooseWalk(filter);
  if (!filter.clientId || walk.by === 'receiver' || walk.by === 'client') return walk;
  const own = byClient(filter.clientId);
  return (await endOf(db, own, range, ROWS)) ? walk : own;
}

interface PageOfWalk {
  readonly range: IdRange;
  readonly limit: number;
  readonly rows: number;
}

async function walkPage(
  db: Db,
  walk: Walk,
  filter: EmailFilter,
  { range, limit, rows }: PageOfWalk,
): Promise<FoundPage> {
  // `select *` keeps it from being prepared, so it is planned for these values: some receivers get far more mail.
  const { rows: emails } = await sql<FoundEmail>`select * from (
    select e.id, e.client_id, e.status, e.priority, e.sender, e.receiver, e.subject, e.tags, e.created_at,
      e.deadline_at, e.sent_at, e.provider
    from ${walk.emails(range, rows)} where ${matches(filter)} order by e.id desc limit ${limit}) as found`.execute(db);
  return { emails, before: emails.length === limit ? emails.at(-1)?.id : await endOf(db, walk, range, rows) };
}

/** The last id that a walk of so many rows reads; undefined when there are fewer. */
async function endOf(db: Db, walk: Walk, range: IdRange, rows: number): Promise<string | undefined> {
  const { rows: last } = await sql<{ id: string }>`select * from (${walk.ids(range, rows)}) as way
    order by id desc offset ${rows - 1} limit 1`.execute(db);
  return last[0]?.id;
}

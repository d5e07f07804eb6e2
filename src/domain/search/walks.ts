import { type RawBuilder, sql } from 'kysely';
import { type EmailFilter, type IdRange, within } from './filter.js';
import { COMMON_STATUSES, IS_RARE, SENDER_ADDRESS } from './indexes.js';

/**
 * A way along an index, from the newest e-mail to the oldest: whatever the filter asks beyond the index is looked at on
 * the way, in a bounded number of rows a page.
 */
export interface Walk {
  readonly by: 'receiver' | 'sender' | 'client' | 'status' | 'queue' | 'time';
  /** At most so many ids of a range, as the column `id`, the newest first. */
  ids(range: IdRange, rows: number): RawBuilder<unknown>;
  /** The same e-mails whole, under the name `e`: what stands behind `from`. */
  emails(range: IdRange, rows: number): RawBuilder<unknown>;
}

/** What lists show of an e-mail and filters look at; never its content. */
const LOOKED_AT = sql`id, client_id, status, priority, sender, receiver, receiver_address, subject, tags, metadata,
  created_at, deadline_at, sent_at, provider`;

function alongEmails(by: Walk['by'], condition: RawBuilder<unknown>): Walk {
  const along = (columns: RawBuilder<unknown>, range: IdRange, rows: number) => sql`select ${columns} from emails
    where ${condition} and ${within('id', range)} order by id desc limit ${rows}`;
  return {
    by,
    ids: (range, rows) => along(sql`id`, range, rows),
    emails: (range, rows) => sql`(${along(LOOKED_AT, range, rows)}) as e`,
  };
}

/** Along another table, that has an e-mail's id. */
function beside(by: Walk['by'], ids: Walk['ids']): Walk {
  return {
    by,
    ids,
    emails: (range, rows) =>
      sql`(${ids(range, rows)}) as way join emails e on e.id = way.id and ${within('e.id', range)}`,
  };
}

const byTime = alongEmails('time', sql`true`);

const byQueue = beside(
  'queue',
  (range, rows) => sql`select email_id as id from email_queue where ${within('email_id', range)}
    order by email_id desc limit ${rows}`,
);

/** An e-mail has its status by an event of that type. */
const byEvents = (status: string) =>
  beside(
    'status',
    (range, rows) => sql`select distinct email_id as id from email_events
      where type = ${status} and ${sql.raw(IS_RARE)} and ${within('email_id', range)}
      order by email_id desc limit ${rows}`,
  );

/** All mail of a client. */
export const byClient = (clientId: string): Walk => alongEmails('client', sql`client_id = ${clientId}`);

/** What an e-mail is before it is sent: then it is in the queue, with few others. */
const IN_QUEUE = ['queued', 'sending'];

/** As `IS_RARE` says it. */
const isRare = (status: string) => !(COMMON_STATUSES as readonly string[]).includes(status) && !status.includes('_');

/** The way that leaves the least to be looked at, as far as the filter alone tells. */
export function chooseWalk({ receiver, sender, status, clientId }: EmailFilter): Walk {
  if (receiver) return alongEmails('receiver', sql`receiver_address = ${receiver}`);
  if (sender) return alongEmails('sender', sql`${sql.raw(SENDER_ADDRESS)} = ${sender}`);
  if (status && IN_QUEUE.includes(status)) return byQueue;
  if (status && isRare(status)) return byEvents(status);
  return clientId ? byClient(clientId) : byTime;
}

import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import { createMonthIndex, type MonthIndex } from '../../postgres/month-index.js';

/** The bare address of a sender, for the index and for every query that uses it: both have to say the same. */
export const SENDER_ADDRESS = `lower(coalesce(substring(sender from '<([^<>]+)>\\s*$'), sender))`;

/**
 * Every e-mail passes these on its way to `opened`: their events are not worth an index. Neither are those under a
 * provider's own name (`mailgun_accepted`), which are no statuses.
 */
export const COMMON_STATUSES = ['queued', 'sending', 'sent', 'delivered', 'opened', 'clicked'] as const;
/** Word for word in the index and in every query that uses it. */
export const IS_RARE = `type <> all ('{${COMMON_STATUSES.join(',')}}') and position('_' in type) = 0`;
export const HAS_LABELS = `(tags <> '{}' or metadata <> '{}')`;

/**
 * What e-mails are found by. None holds the status: it changes with every event, and a change of what stands in any
 * index would write all of them anew (no HOT update).
 */
export const SEARCH_INDEXES: readonly MonthIndex[] = [
  { name: 'emails_by_receiver', table: 'emails', suffix: 'by_receiver', covers: '(receiver_address, id)' },
  { name: 'emails_by_client', table: 'emails', suffix: 'by_client', covers: '(client_id, id)' },
  { name: 'emails_by_sender', table: 'emails', suffix: 'by_sender', covers: `((${SENDER_ADDRESS}), id)` },
  {
    name: 'emails_by_label',
    table: 'emails',
    suffix: 'by_label',
    // Without a list of pending entries: emptying it would hold up whoever comes at that moment.
    covers: `using gin (email_labels(id, tags, metadata)) with (fastupdate = off) where ${HAS_LABELS}`,
  },
  { name: 'email_events_rare', table: 'email_events', suffix: 'rare', covers: `(type, email_id) where ${IS_RARE}` },
];

/**
 * Makes the indexes, and the function that says by which labels an e-mail is found. A label is a number: in front the
 * first 24 bits of the e-mail's id, which are a time of 4.7 hours, behind a hash of the word. So what is written
 * together stands together, and one look concerns the e-mails of one such time, however many have the label. In a
 * migration; the function names only what is PostgreSQL's own, so that a restored dump can build the index.
 */
export async function createSearchIndexes(db: Kysely<any>): Promise<void> {
  await sql`create function email_labels(id uuid, tags text[], metadata jsonb) returns bigint[]
    language plpgsql immutable strict parallel safe cost 1000 as $$
    declare
      span bigint := ('x' || lpad(left(id::text, 6), 8, '0'))::bit(32)::bigint << 32;
    begin
      return array(
        select span | (hashtext('t' || tag)::bigint & 4294967295) from unnest(tags) as tag
        union
        select span | (hashtext('m' || key || '=' || (value #>> '{}'))::bigint & 4294967295)
        from jsonb_each(metadata) where jsonb_typeof(value) in ('string', 'number', 'boolean'));
    end $$`.execute(db);
  for (const index of SEARCH_INDEXES) await createMonthIndex(db, index);
}

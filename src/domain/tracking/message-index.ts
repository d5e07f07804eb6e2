import type { Kysely } from 'kysely';
import { createMonthIndex, type MonthIndex } from '../../postgres/month-index.js';

/**
 * The index that finds an attempt by Mandrill's id of the message, for events that name nothing else. Such ids are
 * random: an index by them alone would be written all over, and the write-ahead log would grow by most of a page for
 * each e-mail. So the beginning of our own id stands first, which is a time: what is written together stands together.
 * Mailgun's attempts cost nothing: its events carry our Message-ID.
 */
export const MESSAGE_INDEX: MonthIndex = {
  name: 'send_attempts_by_message',
  table: 'send_attempts',
  suffix: 'by_message',
  covers: `(left(email_id::text, 7), left(provider_message_id, 12))
    where provider = 'mandrill' and provider_message_id is not null`,
};

/** Another provider whose events name nothing else would get an index of its own, in a migration. */
export const INDEXED_PROVIDER = 'mandrill';

/** Makes the index. In a migration. */
export const createMessageIndex = (db: Kysely<any>): Promise<void> => createMonthIndex(db, MESSAGE_INDEX);

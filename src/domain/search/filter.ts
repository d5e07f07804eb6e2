import { type RawBuilder, sql } from 'kysely';
import type { Priority } from '../../priority.js';
import { SENDER_ADDRESS } from './indexes.js';

/** Which e-mails; what is left out does not matter. */
export interface EmailFilter {
  readonly clientId?: string;
  /** Bare and in lower case, as all addresses here. */
  readonly receiver?: string;
  readonly sender?: string;
  readonly status?: string;
  readonly priority?: Priority;
  readonly tag?: string;
  /** Names of the metadata with the value that each has to have, as text; lists and objects are never equal. */
  readonly metadata?: readonly (readonly [name: string, value: string])[];
}

/** When e-mails were accepted, as bounds of their ids: from this one on, and before that one. */
export interface IdRange {
  readonly from: string;
  readonly before: string;
}

/** Whether an e-mail's row, under the name `e`, is one of those. */
export function matches(filter: EmailFilter): RawBuilder<boolean> {
  const conditions = [sql`true`];
  const { clientId, receiver, sender, status, priority, tag, metadata = [] } = filter;
  if (clientId) conditions.push(sql`e.client_id = ${clientId}`);
  if (receiver) conditions.push(sql`e.receiver_address = ${receiver}`);
  if (sender) conditions.push(sql`${sql.raw(SENDER_ADDRESS)} = ${sender}`);
  if (status) conditions.push(sql`e.status = ${status}`);
  if (priority) conditions.push(sql`e.priority = ${priority}`);
  if (tag) conditions.push(sql`${tag} = any(e.tags)`);
  for (const [name, value] of metadata) {
    conditions.push(sql`jsonb_typeof(e.metadata -> ${name}) in ('string', 'number', 'boolean')
      and e.metadata ->> ${name} = ${value}`);
  }
  return sql<boolean>`${sql.join(conditions, sql` and `)}`;
}

/** Whether an id lies in a range. Literals of the range, so that only its months are planned for. */
export const within = (column: string, { from, before }: IdRange) =>
  sql`${sql.ref(column)} >= ${from}::uuid and ${sql.ref(column)} < ${before}::uuid`;

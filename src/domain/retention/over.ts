import { type RawBuilder, sql } from 'kysely';

/**
 * Whether an e-mail's time is over, for a `where` about `emails e`: it was due so many days ago, in its last life, nothing
 * of it is on its way or held, and it is no open dead letter.
 */
export const isOver = (days: number): RawBuilder<boolean> => sql`(e.due_at < now() - make_interval(days => ${days})
  and not exists (select from email_queue q where q.email_id = e.id)
  and not exists (select from dead_emails d where d.email_id = e.id and d.resolved_at is null))`;

/** A condition on a column: one of these ids, in a form that reads the partitions of their months alone. */
export const isOneOf = (column: string, ids: readonly string[]): RawBuilder<boolean> =>
  sql`(${sql.ref(column)} = any(${ids}::uuid[]) and ${sql.ref(column)} between ${ids[0]!}::uuid and ${ids.at(-1)!}::uuid)`;

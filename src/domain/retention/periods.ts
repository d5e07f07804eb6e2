import type { Db } from '../../postgres/database.js';
import type { Retained } from '../../postgres/schema.js';

/** For how many days data are kept; null: for good. */
export type Periods = Readonly<Record<Retained, number | null>>;

/** What holds for one client. */
export interface ClientPeriods extends Periods {
  readonly clientId: string;
}

/** The columns of a client: null stands for what is configured, 0 for good. */
interface OwnPeriods {
  readonly content_days: number | null;
  readonly record_days: number | null;
}

const effective = (own: number | null, configured: number | null) =>
  own === null ? configured : own === 0 ? null : own;

/** What holds for a client. @param configured what holds for those that say nothing of their own. */
export const periodsOf = ({ content_days, record_days }: OwnPeriods, configured: Periods): Periods => ({
  content: effective(content_days, configured.content),
  record: effective(record_days, configured.record),
});

/** What holds for each client. */
export async function readPeriods(db: Db, configured: Periods): Promise<ClientPeriods[]> {
  const rows = await db.selectFrom('clients').select(['id', 'content_days', 'record_days']).orderBy('id').execute();
  return rows.map(({ id, ...own }) => ({ clientId: id, ...periodsOf(own, configured) }));
}

/** What holds for one client; undefined when there is none. */
export async function readPeriodsOf(db: Db, clientId: string, configured: Periods): Promise<Periods | undefined> {
  const own = await db
    .selectFrom('clients')
    .select(['content_days', 'record_days'])
    .where('id', '=', clientId)
    .executeTakeFirst();
  return own && periodsOf(own, configured);
}

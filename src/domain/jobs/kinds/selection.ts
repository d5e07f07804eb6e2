import { sql } from 'kysely';
import type { ProviderName } from '../../../config.js';
import type { JsonObject } from '../../../postgres/schema/json.js';
import type { DeadReason } from '../../../postgres/schema.js';
import type { Priority } from '../../../priority.js';
import type { EmailFilter, IdRange } from '../../search/filter.js';
import { searchEmails } from '../../search/search.js';
import type { PlanContext, PlannedItem, PlannedPage } from '../kind.js';

/** Which e-mails a job is about; what is left out does not matter. It is kept with the job, as JSON. */
export interface Selection {
  readonly filter: Omit<EmailFilter, 'status'>;
  /** Those that have one of these when they are listed. */
  readonly statuses: readonly string[];
  /** Of the last attempt of the e-mail's present life. */
  readonly code?: string;
  readonly provider?: ProviderName;
  /** Those alone that have no such code, or no such provider, as when none was ever asked. */
  readonly withoutCode?: boolean;
  readonly withoutProvider?: boolean;
  /** Of those that are dead. */
  readonly deadReason?: DeadReason;
  /** In lower case. */
  readonly receiverDomain?: string;
  /** When they were accepted. */
  readonly range: IdRange;
}

/** An e-mail that was selected, with what decides whether a job can do something with it. */
export interface Selected {
  readonly id: string;
  readonly generation: number;
  readonly status: string;
  readonly priority: Priority;
  readonly client_id: string;
  /** Of its present life: what a provider has, or may have. */
  readonly attempt: 'calling' | 'ambiguous' | 'accepted' | null;
}

/** So many e-mails of a search at a time. */
const PAGE = 500;

interface Place {
  /** Which of the statuses. */
  readonly status: number;
  /** Where the search goes on; left out: at its beginning. */
  readonly before?: string;
}

/**
 * Lists a page of the e-mails that are selected, the newest first, status by status: each has an index of its own, so
 * that nothing is read that is not asked for.
 *
 * @param foresee why one would be skipped as things are.
 */
export async function planEmails(
  { db }: PlanContext,
  selection: Selection,
  cursor: JsonObject | null,
  foresee: (email: Selected) => string | undefined,
): Promise<PlannedPage> {
  const place = (cursor ?? { status: 0 }) as unknown as Place;
  const status = selection.statuses[place.status];
  if (status === undefined) return { items: [], next: null };
  const range = { ...selection.range, before: place.before ?? selection.range.before };
  const page = await searchEmails(db, { ...selection.filter, status }, range, PAGE);
  const ids = page.emails.map(({ id }) => id);
  const emails = ids.length > 0 ? await select(db, selection, status, ids) : [];
  const items = emails.map((email): PlannedItem => {
    const about = { status: email.status, priority: email.priority, client: email.client_id };
    return { target: email.id, generation: email.generation, about, foreseen: foresee(email) };
  });
  const following = place.status + 1 < selection.statuses.length ? { status: place.status + 1 } : null;
  return { items, next: page.before ? { status: place.status, before: page.before } : following };
}

/** Those of a page of ids, the newest first, that also fit what no search asks. */
async function select(
  db: PlanContext['db'],
  { code, provider, withoutCode, withoutProvider, deadReason, receiverDomain }: Selection,
  status: string,
  ids: readonly string[],
): Promise<Selected[]> {
  const conditions = [sql`true`];
  if (code) conditions.push(sql`last.code = ${code}`);
  if (provider) conditions.push(sql`last.provider = ${provider}`);
  if (withoutCode) conditions.push(sql`last.code is null`);
  if (withoutProvider) conditions.push(sql`last.provider is null`);
  if (receiverDomain) conditions.push(sql`split_part(e.receiver_address, '@', 2) = ${receiverDomain}`);
  if (deadReason) conditions.push(sql`dead.reason = ${deadReason}`);
  // The bounds keep it to the months that the ids are of.
  const { rows } = await sql<Selected>`
    select * from (
      select e.id, e.generation, e.status, e.priority, e.client_id, open.state as attempt
      from emails e
        left join lateral (
          select code, provider from send_attempts t where t.email_id = e.id and t.generation = e.generation
          order by attempt desc limit 1) last on true
        left join lateral (
          select state from send_attempts t where t.email_id = e.id and t.generation = e.generation
            and state in ('calling', 'ambiguous', 'accepted')
          order by state = 'accepted' desc, state = 'calling' desc limit 1) open on true
        left join dead_emails dead on dead.email_id = e.id and dead.generation = e.generation
      where e.id = any(${[...ids]}::uuid[]) and e.id >= ${ids.at(-1)!}::uuid and e.id <= ${ids[0]!}::uuid
        and e.status = ${status} and dead.resolution is distinct from 'discarded'
        and ${sql.join(conditions, sql` and `)}
      order by e.id desc) as selected`.execute(db);
  return rows;
}

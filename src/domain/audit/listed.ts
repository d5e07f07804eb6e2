import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { JsonObject } from '../../postgres/schema/json.js';
import type { Doer } from './record.js';
import { hashed, type Target } from './targets.js';

/** One thing that somebody did. */
export interface ListedAct {
  readonly id: number;
  readonly at: Date;
  readonly source: Doer['source'];
  readonly client_id: string | null;
  readonly client_name: string | null;
  readonly key_id: string | null;
  readonly key_name: string | null;
  readonly role: string | null;
  readonly address: string | null;
  readonly request_id: string | null;
  readonly action: string;
  readonly target_kind: Target['kind'];
  readonly target_id: string;
  readonly before: JsonObject | null;
  readonly after: JsonObject | null;
  readonly reason: string | null;
}

interface ActFilter {
  readonly action?: string;
  readonly source?: Doer['source'];
  /** Of who did it. */
  readonly clientId?: string;
  readonly keyId?: string;
  readonly targetKind?: Target['kind'];
  /** The id as the row has it. An entry of a client's list can be given as it is: an address in it is hashed here. */
  readonly target?: string;
  readonly from?: Date;
  readonly to?: Date;
}

const COLUMNS = [
  ...(['id', 'at', 'source', 'client_id', 'client_name', 'key_id', 'key_name', 'role', 'address'] as const),
  ...(['request_id', 'action', 'target_kind', 'target_id', 'before', 'after', 'reason'] as const),
] as const;

/** What was done, the latest first. @param page `before`: the last id of the page before. */
export async function listActs(
  db: Db,
  filter: ActFilter,
  page: { readonly before?: number; readonly limit: number },
): Promise<ListedAct[]> {
  let query = db.selectFrom('audit_log').select(COLUMNS);
  const { action, source, clientId, keyId, targetKind, target, from, to } = filter;
  if (action) query = query.where('action', '=', action);
  if (source) query = query.where('source', '=', source);
  if (clientId) query = query.where('client_id', '=', clientId);
  if (keyId) query = query.where('key_id', '=', keyId);
  if (targetKind) query = query.where('target_kind', '=', targetKind);
  if (target) {
    const id = hashed(target.toLowerCase());
    query = query.where((eb) =>
      eb.or([
        eb('target_id', '=', id),
        // The literal list is what the index of entries is made for.
        sql<boolean>`(target_kind in ('sender', 'suppression') and split_part(target_id, ' ', 2) = ${id})`,
      ]),
    );
  }
  if (from) query = query.where('at', '>=', from);
  if (to) query = query.where('at', '<', to);
  if (page.before !== undefined) query = query.where('id', '<', page.before);
  return query.orderBy('id', 'desc').limit(page.limit).execute();
}

/**
 * Who did something last to each of some targets, by id: `<client>`, or `<client>/<key>` where the key has a name.
 *
 * @param ids of targets of one kind.
 */
export async function lastDoers(
  db: Db,
  kind: Target['kind'],
  actions: readonly string[],
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const { rows } = await sql<{ id: string; who: string }>`
    select wanted.id, a.who from unnest(${[...ids]}::text[]) as wanted (id) cross join lateral (
      select client_name || coalesce('/' || key_name, '') as who from audit_log
      where target_kind = ${kind} and target_id = wanted.id and action = any(${[...actions]}::text[])
        and client_name is not null
      order by id desc limit 1) a`.execute(db);
  return new Map(rows.map(({ id, who }) => [id, who]));
}

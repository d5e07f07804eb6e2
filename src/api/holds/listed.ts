import { lastDoers } from '../../domain/audit/listed.js';
import { listHolds } from '../../domain/holds/holds.js';
import type { Db } from '../../postgres/database.js';

/** The holds there are, with who began each. */
export async function holdsOf({ db }: { readonly db: Db }) {
  const holds = await listHolds(db);
  const doers = await lastDoers(
    db,
    'hold',
    ['hold.begin'],
    holds.map(({ id }) => id),
  );
  return { holds: holds.map((each) => ({ ...each, who: doers.get(each.id) ?? null })) };
}

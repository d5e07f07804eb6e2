import type { Db } from '../../postgres/database.js';
import type { Addresses } from '../run-state.js';
import { SEEDED } from './clients.js';

/** Clients that are there without anybody's doing. */
const OWN_CLIENTS = ['bootstrap'];

/**
 * What speaks against seeding: each a sentence. None, when the system is plainly one to play with.
 *
 * @param db the database of those addresses.
 */
export async function reasonsAgainst(
  addresses: Pick<Addresses, 'database' | 'sandbox'>,
  db: Db,
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  const reasons: string[] = [];
  const { hostname } = new URL(addresses.database);
  if (!isThisMachine(hostname)) reasons.push(`The database is on another machine (${hostname}).`);
  if (!addresses.sandbox) reasons.push('It sends by real providers, not into the sandbox.');
  if (env.NODE_ENV === 'production') reasons.push('NODE_ENV is production.');
  const others = await clientsOfOthers(db);
  if (others > 0)
    reasons.push(`It holds e-mails of ${others} ${others === 1 ? 'client' : 'clients'} of somebody's own.`);
  return reasons;
}

/** An empty name is a socket. */
const isThisMachine = (host: string) => /^(|localhost|127(\.\d+){3}|\[::1\])$/.test(host);

async function clientsOfOthers(db: Db): Promise<number> {
  const rows = await db
    .selectFrom('clients')
    .select('id')
    .where('name', 'not in', OWN_CLIENTS)
    .where('name', 'not like', `${SEEDED}%`)
    .where(({ exists, selectFrom }) =>
      exists(selectFrom('client_usage').select('client_id').whereRef('client_usage.client_id', '=', 'clients.id')),
    )
    .execute();
  return rows.length;
}

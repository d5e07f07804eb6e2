import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import { recordAct } from '../audit/record.js';
import type { Role } from '../clients/access.js';
import { mayHaveMoreKeys } from '../clients/key-management.js';
import { hashKey } from '../clients/key-text.js';
import { columnsOf, DEFAULT_RATES } from '../clients/rates.js';
import { SESSION_MS } from './sessions.js';

/** Somebody whom an identity provider has vouched for. */
export interface Person {
  /** Of OpenID Connect: together with the subject, who it is. */
  readonly issuer: string;
  readonly subject: string;
  /** What others call them. */
  readonly name: string;
  readonly role: Role;
}

/** Where a sign-in comes from, for the audit. */
interface Origin {
  readonly address: string;
  readonly requestId: string;
}

interface Admitted {
  readonly clientId: string;
  /** The person's row. */
  readonly keyId: string;
}

/** What a person's row among the keys begins with: it is nobody's key. */
const PREFIX = 'open-id';

/**
 * Notes that a person signs in, with the role they have now. A person is a row among the keys of their issuer's client,
 * of a key that nobody has: so whatever concerns who does something (sessions, roles, limits, the audit) goes for
 * persons as it goes for keys. It ends with the longest session, and the next sign-in renews it.
 *
 * @param clientName of the client that the issuer's persons belong to; made if there is none.
 * @returns undefined when the client is disabled, or has as many as it may.
 */
export function admitPerson(db: Db, person: Person, clientName: string, from: Origin): Promise<Admitted | undefined> {
  return transact(db, async (trx) => {
    const client = await ownerOf(trx, clientName);
    if (client.disabled_at) return undefined;
    const { issuer, subject, name, role } = person;
    const before = await findPerson(trx, issuer, subject);
    if (!before && !(await mayHaveMoreKeys(trx, client.id))) return undefined;
    const now = {
      name,
      role,
      operator: role === 'admin',
      expires_at: sql<Date>`now() + make_interval(secs => ${SESSION_MS.longest / 1_000})`,
    };
    const keyId = before?.id ?? (await insertPerson(trx, client.id, person));
    await trx.updateTable('api_keys').set(now).where('id', '=', keyId).execute();
    const doer = { source: 'console', clientId: client.id, clientName, keyId, keyName: name, role, ...from } as const;
    await recordAct(trx, doer, {
      action: 'key.sign_in',
      target: { kind: 'key', id: keyId },
      before: before ? { role: before.role } : null,
      after: { role },
    });
    return { clientId: client.id, keyId };
  });
}

/** Locks the client, so that of two who sign in for the first time at once the second one finds the first. */
async function ownerOf(trx: Trx, name: string): Promise<{ readonly id: string; readonly disabled_at: Date | null }> {
  await trx
    .insertInto('clients')
    // As any other new client: it may send as nobody until that is allowed.
    .values({ name, any_sender: false, ...columnsOf(DEFAULT_RATES) })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  return trx
    .selectFrom('clients')
    .select(['id', 'disabled_at'])
    .where('name', '=', name)
    .forUpdate()
    .executeTakeFirstOrThrow();
}

async function findPerson(trx: Trx, issuer: string, subject: string) {
  const found = await trx
    .selectFrom('persons as p')
    .innerJoin('api_keys as k', 'k.id', 'p.key_id')
    .select(['k.id', 'k.role', 'k.revoked_at'])
    .where('p.issuer', '=', issuer)
    .where('p.subject', '=', subject)
    .where('p.former', '=', false)
    .executeTakeFirst();
  if (!found?.revoked_at) return found;
  await trx.updateTable('persons').set({ former: true }).where('key_id', '=', found.id).execute();
  return undefined;
}

async function insertPerson(trx: Trx, clientId: string, { issuer, subject, name }: Person): Promise<string> {
  const { id } = await trx
    .insertInto('api_keys')
    .values({
      client_id: clientId,
      // Of nothing that anybody could show.
      key_hash: hashKey(randomBytes(32).toString('base64url')),
      prefix: PREFIX,
      name,
      scopes: [],
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await trx.insertInto('persons').values({ key_id: id, issuer, subject }).execute();
  return id;
}

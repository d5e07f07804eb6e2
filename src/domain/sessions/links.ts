import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { type Client, clientOf, selectOpenKeys } from '../clients/keys.js';
import { hashToken } from './token.js';

/** How long an address signs in: as long as it takes to open it. */
export const LINK_MS = 15 * 60_000;

/** Makes what signs in once as the owner of this key. */
export async function createLink(db: Db, keyId: string): Promise<{ readonly token: string; readonly expiresAt: Date }> {
  const token = randomBytes(32).toString('base64url');
  await db.deleteFrom('sign_in_links').where('expires_at', '<', sql<Date>`now()`).execute();
  const { expires_at } = await db
    .insertInto('sign_in_links')
    .values({
      token_hash: hashToken(token),
      key_id: keyId,
      expires_at: sql<Date>`now() + make_interval(secs => ${LINK_MS / 1_000})`,
    })
    .returning('expires_at')
    .executeTakeFirstOrThrow();
  return { token, expiresAt: expires_at };
}

/**
 * Uses such a token up: of several who show it at once, one is signed in.
 *
 * @returns undefined when it was used, is too old, was never made, or its key opens nothing any more.
 */
export async function takeLink(db: Db, token: string): Promise<Client | undefined> {
  const taken = await db
    .deleteFrom('sign_in_links')
    .where('token_hash', '=', hashToken(token))
    .returning(['key_id', sql<boolean>`expires_at > now()`.as('is_valid')])
    .executeTakeFirst();
  if (!taken?.is_valid) return undefined;
  const row = await selectOpenKeys(db).where('k.id', '=', taken.key_id).executeTakeFirst();
  return row && clientOf(row);
}

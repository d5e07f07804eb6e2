import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { type Client, clientOf, selectOpenKeys } from '../clients/keys.js';
import { hashToken } from './token.js';

/** How long a session lasts at most, and without a request. */
export const SESSION_MS = { longest: 12 * 3_600_000, idle: 3_600_000 } as const;

/** Of one key; the oldest ends when there is one more. Many people may share a key, badly; none needs so many. */
const MOST_SESSIONS = 100;

/** How exactly it is known when a session was used last: a write a minute, not one a request. */
const SEEN_EVERY_S = 60;

/** Somebody who is signed in. */
export interface Session {
  /** What their browser keeps: 32 random bytes. We keep its hash alone. */
  readonly token: string;
  readonly expiresAt: Date;
}

/** Signs in whoever showed this key. It is always a new session: what a browser brought along is none of ours. */
export async function beginSession(db: Db, keyId: string): Promise<Session> {
  const token = randomBytes(32).toString('base64url');
  const { expires_at } = await db
    .insertInto('sessions')
    .values({
      token_hash: hashToken(token),
      key_id: keyId,
      expires_at: sql<Date>`now() + make_interval(secs => ${SESSION_MS.longest / 1_000})`,
    })
    .returning('expires_at')
    .executeTakeFirstOrThrow();
  await sql`delete from sessions where token_hash = any(array(
    select token_hash from sessions where key_id = ${keyId} order by created_at desc offset ${MOST_SESSIONS}))`.execute(
    db,
  );
  return { token, expiresAt: expires_at };
}

const isIdle = sql<boolean>`seen_at < now() - make_interval(secs => ${SESSION_MS.idle / 1_000})`;

/**
 * Whose session it is, with the rights that its key has now.
 *
 * @returns undefined when there is no such session, it is over, or its key opens nothing any more.
 */
export async function findClientBySession(db: Db, token: string): Promise<Client | undefined> {
  const tokenHash = hashToken(token);
  const row = await selectOpenKeys(db)
    .innerJoin('sessions as s', 's.key_id', 'k.id')
    .select(sql<boolean>`s.seen_at < now() - make_interval(secs => ${SEEN_EVERY_S})`.as('seen_long_ago'))
    .where('s.token_hash', '=', tokenHash)
    .where('s.expires_at', '>', sql<Date>`now()`)
    .where(sql<boolean>`not ${isIdle}`)
    .executeTakeFirst();
  if (!row) return undefined;
  if (row.seen_long_ago) {
    await db.updateTable('sessions').set({ seen_at: sql<Date>`now()` }).where('token_hash', '=', tokenHash).execute();
  }
  return clientOf(row);
}

/** When a session ends at the latest; null when it is over. */
export async function sessionEnd(db: Db, token: string): Promise<Date | null> {
  const row = await db
    .selectFrom('sessions')
    .select('expires_at')
    .where('token_hash', '=', hashToken(token))
    .where('expires_at', '>', sql<Date>`now()`)
    .where(sql<boolean>`not ${isIdle}`)
    .executeTakeFirst();
  return row?.expires_at ?? null;
}

/** Signs out. */
export async function endSession(db: Db, token: string): Promise<void> {
  await db.deleteFrom('sessions').where('token_hash', '=', hashToken(token)).execute();
}

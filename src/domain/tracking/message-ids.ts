import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import { uuidFloor } from '../../postgres/partitions.js';
import type { SoughtMessage } from '../../providers/webhook-format/event.js';
import { INDEXED_PROVIDER } from './message-index.js';

/** The attempt that holds an id. */
export interface FoundAttempt {
  readonly emailId: string;
  readonly generation: number;
  readonly attempt: number;
}

/** How far clocks may be apart. */
const AHEAD_MS = 10 * 60_000;
/** An e-mail's id begins with the time of its acceptance; seven hexadecimal digits of it count such steps. */
const BUCKET_MS = 2 ** 20;

/**
 * Finds the attempts that hold a provider's ids of messages.
 *
 * @param reachMs how long before it was taken by the provider an e-mail may have been accepted.
 * @returns what was found, by the provider's id; nothing for a provider whose ids have no index.
 */
export async function findByMessageId(
  db: Db,
  provider: ProviderName,
  sought: readonly SoughtMessage[],
  reachMs: number,
): Promise<Map<string, FoundAttempt>> {
  if (sought.length === 0 || provider !== INDEXED_PROVIDER) return new Map();
  const takenMs = sought.map(({ takenAt }) => takenAt.getTime());
  const fromMs = Math.max(0, Math.min(...takenMs) - reachMs);
  const untilMs = Math.min(Math.max(...takenMs), Date.now()) + AHEAD_MS;
  const ids = [...new Set(sought.map(({ providerMessageId }) => providerMessageId))];
  // The first two lines choose the months and the index; see `createMessageIndex`.
  const { rows } = await sql<FoundAttempt & { id: string }>`
    select provider_message_id as id, email_id as "emailId", generation, attempt from send_attempts
    where email_id >= ${uuidFloor(new Date(fromMs))} and email_id < ${uuidFloor(new Date(untilMs))}
      and left(email_id::text, 7) = any(${bucketsOf(fromMs, untilMs)})
      and left(provider_message_id, 12) = any(${ids.map((id) => id.slice(0, 12))})
      and provider_message_id = any(${ids}) and provider_message_id is not null
      and provider = ${sql.lit(INDEXED_PROVIDER)}`.execute(db);
  return new Map(rows.map(({ id, ...attempt }) => [id, attempt]));
}

function bucketsOf(fromMs: number, untilMs: number): string[] {
  const first = Math.floor(fromMs / BUCKET_MS);
  const last = Math.floor(untilMs / BUCKET_MS);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) =>
    (first + index).toString(16).padStart(7, '0'),
  );
}

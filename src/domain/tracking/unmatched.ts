import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import { type FoundAttempt, findByMessageId } from './message-ids.js';
import { lockEventTarget, type ProviderEvent, storeProviderEvents } from './provider-events.js';

const HOUR_MS = 3_600_000;
/** An e-mail is mostly taken within hours of its acceptance; later looks reach back as far as `send_at` reaches ahead. */
export const NEAR_MS = 24 * HOUR_MS;
const FAR_MS = 40 * 24 * HOUR_MS;
/** From this look on, the longer reach counts. */
const FAR_FROM = 3;

/** When an event is looked for again, in seconds after each look; then it stays where it is. */
const AGAIN_AFTER_S = [10, 60, 600, 3_600, 6 * 3_600, 24 * 3_600];

interface DueEvent {
  readonly id: string;
  readonly providerMessageId: string;
  readonly takenAt: Date;
  /** As JSON has it: times are texts. */
  readonly event: Omit<ProviderEvent, 'occurredAt'> & { readonly occurredAt: string };
  /** This look included. */
  readonly tries: number;
}

/** An event that has found its e-mail, and is stored with it. */
export interface MatchedEvent {
  readonly emailId: string;
  readonly provider: ProviderName;
  readonly type: string;
}

/**
 * Looks once more for the e-mails of events that named only the provider's id of the message. The answer that brought the
 * id may have been recorded after the event. Events that find their e-mail are stored as if they came now. Several
 * processes may do this at once. If one dies, its events are looked for again.
 *
 * @param tell hears of each that has found its e-mail, once that is committed.
 * @returns how many were looked for.
 */
export async function matchUnmatched(
  db: Db,
  catalogue: StatusCatalogue,
  limit: number,
  tell: (event: MatchedEvent) => void,
): Promise<number> {
  const due = await takeDue(db, limit);
  const near = due.filter(({ tries }) => tries < FAR_FROM);
  const far = due.filter(({ tries }) => tries >= FAR_FROM);
  for (const [looked, reachMs] of [[near, NEAR_MS] as const, [far, FAR_MS] as const]) {
    for (const [provider, events] of byProvider(looked)) {
      const found = await findByMessageId(db, provider, events, reachMs);
      for (const each of events) {
        const attempt = found.get(each.providerMessageId);
        if (!attempt || !(await storeMatched(db, catalogue, each, attempt))) continue;
        tell({ emailId: attempt.emailId, provider, type: each.event.type });
      }
    }
  }
  return due.length;
}

function byProvider(events: readonly DueEvent[]): Map<ProviderName, DueEvent[]> {
  const groups = new Map<ProviderName, DueEvent[]>();
  for (const each of events) groups.set(each.event.provider, [...(groups.get(each.event.provider) ?? []), each]);
  return groups;
}

async function takeDue(db: Db, limit: number): Promise<DueEvent[]> {
  const { rows } = await sql<DueEvent>`
    with due as materialized (
      select id from unmatched_webhooks where match_at <= now()
      order by match_at limit ${limit} for update skip locked)
    update unmatched_webhooks u set match_tries = match_tries + 1,
      match_at = now() + make_interval(secs => (${AGAIN_AFTER_S}::float8[])[match_tries + 1])
    from due where u.id = due.id
    returning u.id, provider_message_id as "providerMessageId", taken_at as "takenAt", event,
      match_tries as tries`.execute(db);
  return rows;
}

/** @returns false when the e-mail is gone, or another process has stored the event. */
async function storeMatched(
  db: Db,
  catalogue: StatusCatalogue,
  { id, event }: DueEvent,
  { emailId, generation, attempt }: FoundAttempt,
): Promise<boolean> {
  return transact(db, async (trx) => {
    const target = await lockEventTarget(trx, emailId);
    if (!target) return false;
    const told = { ...event, generation, attempt, occurredAt: new Date(event.occurredAt) };
    await storeProviderEvents(trx, target, [told], catalogue);
    const { numDeletedRows } = await trx.deleteFrom('unmatched_webhooks').where('id', '=', id).executeTakeFirst();
    return numDeletedRows > 0n;
  });
}

import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import { compileOnce } from '../../postgres/compile-once.js';
import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';
import { generationEvent, lockEmail } from '../emails/events.js';
import { type StatusCatalogue, statusesThat } from '../emails/statuses.js';
import { availableProviders } from '../provider-health/availability.js';
import { recordEvents } from '../transitions/record.js';
import { unsubscribedAt } from './listed.js';

/** Where an e-mail is, for the workflow that carries it. Durations by the database's clock. */
export interface Work {
  readonly clientId: string;
  readonly generation: number;
  /** An operator's choice: this provider and no other. */
  readonly onlyProvider: ProviderName | null;
  /** Providers that refused this generation because its receiver had unsubscribed there. */
  readonly unsubscribedAt: readonly ProviderName[];
  /** Providers that admit a call now. */
  readonly admitting: readonly ProviderName[];
  readonly status: string;
  /** An attempt of this generation is known to be accepted. */
  readonly accepted: boolean;
  readonly hasAttachment: boolean;
  /** There is nothing to be uploaded. */
  readonly stored: boolean;
  /** Opens are not tracked, neither by our pixel nor by the provider. */
  readonly untracked: boolean;
  readonly sinceSentMs: number | null;
  readonly sinceDeliveredMs: number | null;
}

const EMAIL = { id: sql.ref('e.id'), generation: sql.ref('e.generation'), priority: sql.ref('e.priority') };

/** Reads where an e-mail is. @returns undefined when there is none of that id. */
export async function findWork(db: Db, emailId: string, catalogue: StatusCatalogue): Promise<Work | undefined> {
  const deliveries = statusesThat(catalogue, ({ signal }) => signal === 'delivered');
  const [row] = await readWork(db, { emailId, deliveries });
  if (!row) return undefined;
  return {
    clientId: row.client_id,
    generation: row.generation,
    onlyProvider: row.only_provider,
    unsubscribedAt: row.unsubscribed_at,
    admitting: row.admitting,
    status: row.status,
    accepted: row.accepted,
    hasAttachment: row.has_attachment,
    stored: row.stored,
    untracked: row.untracked,
    sinceSentMs: row.since_sent_ms,
    sinceDeliveredMs: row.since_delivered_ms,
  };
}

const readWork = compileOnce((db, { emailId, deliveries }: { emailId: string; deliveries: readonly string[] }) =>
  db
    .selectFrom('emails as e')
    .leftJoin('attachments as a', 'a.email_id', 'e.id')
    .select([
      'e.client_id',
      'e.generation',
      'e.only_provider',
      'e.status',
      sql<boolean>`e.track_opens is false`.as('untracked'),
      availableProviders(EMAIL).as('admitting'),
      unsubscribedAt(emailId).as('unsubscribed_at'),
      sql<boolean>`a.email_id is not null`.as('has_attachment'),
      sql<boolean>`(a.storage_path is not null or a.removed_at is not null)`.as('stored'),
      sql<boolean>`exists (select from send_attempts t where t.email_id = ${emailId}
        and t.generation = e.generation and t.state = 'accepted')`.as('accepted'),
      sql<number | null>`extract(epoch from now() - e.sent_at)::float8 * 1000`.as('since_sent_ms'),
      sql<number | null>`extract(epoch from now() - (select min(v.recorded_at) from email_events v
        where v.email_id = ${emailId} and v.type = any(${deliveries})))::float8 * 1000`.as('since_delivered_ms'),
    ])
    .where('e.id', '=', emailId),
);

/** @returns an e-mail's status; undefined when there is none of that id. */
export async function readStatus(db: Db, emailId: string): Promise<string | undefined> {
  return (await db.selectFrom('emails').select('status').where('id', '=', emailId).executeTakeFirst())?.status;
}

/** Notes that the scheduled time of an e-mail has come: from now on it is queued. */
export async function noteDue(db: Db, emailId: string, catalogue: StatusCatalogue): Promise<void> {
  await transact(db, async (trx) => {
    const email = await lockEmail(trx, emailId);
    if (!email) return;
    await recordEvents(trx, email, [generationEvent(email.generation, 'queued')], catalogue);
  });
}

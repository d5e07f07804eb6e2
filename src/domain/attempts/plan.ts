import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import { compileOnce } from '../../postgres/statements/compile-once.js';
import { transact } from '../../postgres/transaction.js';
import { generationEvent, lockEmail } from '../emails/events.js';
import { type StatusCatalogue, statusesThat } from '../emails/statuses.js';
import { availableProviders } from '../provider-health/availability.js';
import { recordEvents } from '../transitions/record.js';
import { wasUnsubscribed } from './listed.js';

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
  /** Null unless its status says that it is delivered. */
  readonly sinceDeliveredMs: number | null;
}

/** Reads where an e-mail is. @returns undefined when there is none of that id. */
export async function findWork(db: Db, emailId: string, catalogue: StatusCatalogue): Promise<Work | undefined> {
  const [row] = await readWork(db, { emailId });
  if (!row) return undefined;
  const isDelivered = catalogue.get(row.status)?.signal === 'delivered';
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
    sinceDeliveredMs: isDelivered ? await readSinceDelivered(db, emailId, catalogue) : null,
  };
}

/**
 * PostgreSQL plans it for each e-mail, since only one month's tables will be looked at, and the plan takes longer than its
 * execution: so each partitioned table is named once.
 */
const readWork = compileOnce((db, { emailId }: { emailId: string }) =>
  db
    .selectFrom('emails as e')
    .leftJoin('attachments as a', 'a.email_id', 'e.id')
    .leftJoinLateral(
      sql<Attempts>`(select array_agg(provider) as providers, array_agg(started_at) as started_at,
          array_agg(provider) filter (where ${wasUnsubscribed}) as unsubscribed_at,
          bool_or(state = 'accepted') as accepted
        from send_attempts where email_id = ${emailId} and generation = e.generation)`.as('t'),
      (join) => join.onTrue(),
    )
    .select([
      'e.client_id',
      'e.generation',
      'e.only_provider',
      'e.status',
      sql<boolean>`e.track_opens is false`.as('untracked'),
      availableProviders(sql.ref('e.priority'), TRIES).as('admitting'),
      sql<ProviderName[]>`coalesce(t.unsubscribed_at, '{}')`.as('unsubscribed_at'),
      sql<boolean>`a.email_id is not null`.as('has_attachment'),
      sql<boolean>`(a.storage_path is not null or a.removed_at is not null)`.as('stored'),
      sql<boolean>`coalesce(t.accepted, false)`.as('accepted'),
      sql<number | null>`extract(epoch from now() - e.sent_at)::float8 * 1000`.as('since_sent_ms'),
    ])
    .where('e.id', '=', emailId),
);

/** Those of the e-mail's generation, together; all null when there is none. */
interface Attempts {
  readonly providers: ProviderName[] | null;
  readonly started_at: Date[] | null;
  readonly unsubscribed_at: ProviderName[] | null;
  readonly accepted: boolean | null;
}

const TRIES = { providers: sql.ref('t.providers'), startedAt: sql.ref('t.started_at') };

/** How long ago the record was told that it was delivered. */
async function readSinceDelivered(db: Db, emailId: string, catalogue: StatusCatalogue): Promise<number | null> {
  const deliveries = statusesThat(catalogue, ({ signal }) => signal === 'delivered');
  const { rows } = await sql<{ ms: number | null }>`
    select extract(epoch from now() - min(recorded_at))::float8 * 1000 as ms
    from email_events where email_id = ${emailId} and type = any(${deliveries})`.execute(db);
  return rows[0]!.ms;
}

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

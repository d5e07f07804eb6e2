import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';
import { generationEvent, lockEmail } from '../emails/events.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import { recordEvents } from '../transitions/record.js';
import { type TooLate, whyTooLate } from './cancel.js';

interface RerouteRequest {
  readonly emailId: string;
  /** This provider and no other; null: any of `providers` again. */
  readonly through: ProviderName | null;
  /** Those we send through. */
  readonly providers: readonly ProviderName[];
  /** The job that does it. */
  readonly job: string;
}

type RerouteResult =
  /** `running`: its workflow may be waiting, and is to be woken. */
  | { readonly kind: 'rerouted'; readonly running: boolean }
  | { readonly kind: 'not_found' }
  /** It goes that way already. */
  | { readonly kind: 'already' }
  | { readonly kind: 'too_late'; readonly why: TooLate };

/**
 * Chooses the provider of an e-mail that none has and that nobody is sending at this moment. Its workflow reads the
 * choice before its next round; its life, its deadline and its place in the queue stay as they are.
 */
export async function rerouteEmail(
  db: Db,
  { emailId, through, providers, job }: RerouteRequest,
  catalogue: StatusCatalogue,
): Promise<RerouteResult> {
  return transact(db, async (trx) => {
    const email = await lockEmail(trx, emailId);
    if (!email) return { kind: 'not_found' };
    const why = await whyTooLate(trx, email, catalogue);
    if (why) return { kind: 'too_late', why };
    const { only_provider } = await trx
      .selectFrom('emails')
      .select('only_provider')
      .where('id', '=', emailId)
      .executeTakeFirstOrThrow();
    if (only_provider === through) return { kind: 'already' };

    const event = {
      ...generationEvent(email.generation, 'rerouted', { provider: through ?? 'any', job }),
      // Each time is another event.
      key: `tempost:g${email.generation}:rerouted:${job}`,
    };
    await recordEvents(trx, email, [event], catalogue, { columns: { only_provider: through } });
    // Of one that sleeps until a provider admits it: whom it waits for now.
    const place = await trx
      .updateTable('email_queue')
      .set({
        providers: sql<ProviderName[]>`case when providers is null then null
          else ${through ? [through] : [...providers]}::text[] end`,
        ready_at: sql<Date>`case when ready_at is null then null else now() end`,
      })
      .where('email_id', '=', emailId)
      .returning(['state', 'dispatched_at'])
      .executeTakeFirst();
    return { kind: 'rerouted', running: place?.state === 'backing_off' && place.dispatched_at !== null };
  });
}

import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Trx } from '../../postgres/transaction.js';
import type { Failed } from '../../providers/provider.js';
import type { LockedEmail } from '../emails/events.js';
import type { AttemptId } from './transitions.js';

/** The code of an attempt that a provider refused because the receiver had unsubscribed there. */
const UNSUBSCRIBED_THERE = 'unsubscribed_there';

/** Whether an attempt was refused so. For a query of `send_attempts`. */
export const wasUnsubscribed = sql<boolean>`code = ${sql.lit(UNSUBSCRIBED_THERE)}`;

/**
 * Decides what the refusal of a listed address means for its e-mail. A receiver who unsubscribed wants no bulk. Some
 * providers keep one list for everything, and refuse that receiver's login codes as well. So an e-mail that is not bulk
 * goes to the next provider, and fails only when none is left.
 *
 * @param others the providers beside this one.
 * @returns a failure that lets the e-mail go on, or undefined when the refusal stands.
 */
export async function turnedElsewhere(
  trx: Trx,
  email: LockedEmail,
  { provider, generation }: AttemptId,
  { listed }: Failed,
  others: readonly ProviderName[],
): Promise<Failed | undefined> {
  if (listed !== 'unsubscribed' || email.priority === 'low' || generation !== email.generation) return undefined;
  const { only_provider, refused } = await trx
    .selectFrom('emails as e')
    .select([
      'e.only_provider',
      sql<ProviderName[]>`array(select provider from send_attempts
        where email_id = ${email.id} and generation = e.generation and ${wasUnsubscribed})`.as('refused'),
    ])
    .where('e.id', '=', email.id)
    .executeTakeFirstOrThrow();
  const left = others.filter((other) => other !== provider && !refused.includes(other));
  if (only_provider || left.length === 0) return undefined;
  // The failure concerns this message alone: the provider is well.
  return { kind: 'unavailable', code: UNSUBSCRIBED_THERE, scope: 'message' };
}

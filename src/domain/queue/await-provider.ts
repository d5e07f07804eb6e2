import { sql } from 'kysely';
import { domainOf } from '../../address.js';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';
import { activeHold } from '../holds/match.js';

interface AwaitOptions {
  readonly providers: readonly ProviderName[];
  readonly refused: boolean;
  readonly checkAfterMs: number;
}

/**
 * Has an e-mail wait for a provider: while none of its providers admits it, it does not count as in flight. The dispatcher
 * wakes its workflow, by priority and age, once one admits. If all of them refuse the sender's domain for now, the e-mail
 * waits that out. If a hold concerns the e-mail, it is held.
 *
 * @param options.providers those it may go to.
 * @param options.checkAfterMs when the sweep looks whether the workflow is still there.
 * @param options.refused one that had seemed to admit it has refused: then a quarter of the time that it has waited
 *   passes before it is woken, so that it does not ask in circles. One that only looked, asleep, keeps its turn.
 */
export async function awaitProvider(
  db: Db,
  id: { readonly emailId: string; readonly generation: number },
  options: AwaitOptions,
): Promise<void> {
  const { emailId, generation } = id;
  await transact(db, async (trx) => {
    // Locked first, as everybody does who touches both.
    const email = await trx
      .selectFrom('emails as e')
      .select(['e.sender', sql<string | null>`(select id from (${activeHold}) active)`.as('holdId')])
      .where('id', '=', emailId)
      .where('generation', '=', generation)
      .forUpdate('e')
      .executeTakeFirst();
    if (!email) return;
    const blocks = await trx
      .selectFrom('sender_domain_blocks')
      .select(['provider', 'until_at'])
      .where('domain', '=', domainOf(email.sender))
      .where('provider', 'in', [...options.providers])
      .where('until_at', '>', sql<Date>`now()`)
      .orderBy('until_at')
      .execute();
    const blocked = new Set(blocks.map(({ provider }) => provider));
    const usable = options.providers.filter((provider) => !blocked.has(provider));
    const blockedUntil = usable.length === 0 ? blocks[0]?.until_at : undefined;
    const pause = sql`least(greatest((now() - due_at) / 4, interval '1 second'), interval '5 minutes')`;
    const fellAsleep = sql<Date>`case when state = 'awaiting_provider' then least(ready_at, now()) else now() end`;
    await trx
      .updateTable('email_queue')
      .set({
        state: email.holdId ? 'held' : 'awaiting_provider',
        hold_id: email.holdId,
        providers: usable.length > 0 ? [...usable] : [...options.providers],
        ready_at: blockedUntil ?? (options.refused ? sql<Date>`now() + ${pause}` : fellAsleep),
        // What is held is nobody's to look after until it is put back.
        check_at: email.holdId ? null : sql<Date>`now() + make_interval(secs => ${options.checkAfterMs / 1000})`,
      })
      .where('email_id', '=', emailId)
      .where('generation', '=', generation)
      .where('state', '!=', 'handed_over')
      .execute();
  });
}

import { SHIPPED_STATUSES } from '../../src/domain/emails/statuses.js';
import { lockEventTarget, type ProviderEvent, storeProviderEvents } from '../../src/domain/tracking/provider-events.js';
import type { Db } from '../../src/postgres/database.js';
import { transact } from '../../src/postgres/transaction.js';

/** Stores what a provider says of an e-mail, as the webhooks service does. */
export function storeEvents(db: Db, emailId: string, events: readonly ProviderEvent[]) {
  return transact(db, async (trx) => {
    const target = await lockEventTarget(trx, emailId);
    return storeProviderEvents(trx, target!, events, SHIPPED_STATUSES);
  });
}

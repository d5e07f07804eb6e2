import { readStatus } from '../domain/attempts/plan.js';
import { findSilent, recordDeliveryCheck } from '../domain/attempts/silent.js';
import { logStep } from '../process/life-log.js';
import type { ActivityDependencies } from './dependencies.js';
import { withHeartbeats } from './heartbeats.js';
import { lookUp } from './look-up.js';
import { traced } from './traced.js';
import type { DeliveryCheck, ReconcileRequest } from './types.js';

/**
 * The delivery check: an e-mail was sent, nothing has been heard since, and so its provider is asked. The answer is
 * recorded. A silent e-mail, one whose provider has nothing to tell either, gets the event `quiet` and is counted.
 */
export function createCheckDelivery(dependencies: ActivityDependencies) {
  return (request: ReconcileRequest): Promise<DeliveryCheck> =>
    withHeartbeats(() => traced(dependencies, 'delivery check', request, () => checkDelivery(dependencies, request)));
}

/** As `createCheckDelivery`, outside of an activity. */
export async function checkDelivery(
  dependencies: ActivityDependencies,
  { emailId, generation }: ReconcileRequest,
): Promise<DeliveryCheck> {
  const { db, catalogue, logger } = dependencies;
  const attempt = await findSilent(db, emailId, generation, catalogue);
  if (!attempt) return newsOf(dependencies, emailId);
  const found = await lookUp(dependencies, attempt);
  const result = found.kind === 'found' && found.delivered ? 'delivered' : 'quiet';
  await recordDeliveryCheck(db, attempt, result, { look_up: found.kind }, catalogue);
  logStep(logger, 'delivery check', { emailId, generation, provider: attempt.provider, result, found: found.kind });
  return result;
}

/** A webhook came meanwhile, or the record has lost what was sent: its status tells which. */
async function newsOf({ db, catalogue }: ActivityDependencies, emailId: string): Promise<DeliveryCheck> {
  const status = await readStatus(db, emailId);
  return (status !== undefined && catalogue.get(status)?.signal) || 'quiet';
}

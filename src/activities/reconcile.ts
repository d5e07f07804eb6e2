import { performance } from 'node:perf_hooks';
import { abandon, adoptLookUp, findOpenAttempt, markOutcomeUnknown } from '../domain/attempts/unknown-outcomes.js';
import { logStep } from '../process/life-log.js';
import type { ActivityDependencies } from './dependencies.js';
import { withHeartbeats } from './heartbeats.js';
import { lookUp } from './look-up.js';
import { traced } from './traced.js';
import type { ReconcileRequest, Reconciliation } from './types.js';
import { decideUnknownOutcome, later, lookUpTimeMs, untilDecision } from './unknown-outcome-policy.js';

/**
 * Finds out whether an ambiguous attempt went through: our own events first (they have closed it in the record), then
 * the provider is asked, then the priority's policy decides. Called again and again until it is known.
 */
export function createReconcile(dependencies: ActivityDependencies) {
  return (request: ReconcileRequest): Promise<Reconciliation> =>
    withHeartbeats(() => traced(dependencies, 'reconcile', request, () => reconcile(dependencies, request)));
}

async function reconcile(dependencies: ActivityDependencies, request: ReconcileRequest): Promise<Reconciliation> {
  const { config, db, catalogue, priority, logger } = dependencies;
  const open = await findOpenAttempt(db, request.emailId, request.generation);
  const told = (outcome: Reconciliation) => {
    if (open) logStep(logger, 'outcome', { ...request, provider: open.provider, ...outcome });
    return outcome;
  };
  // Somebody else has settled it. The next try asks for permission, and learns the outcome then.
  if (!open) return { kind: 'refused', code: 'settled' };
  if (open.state === 'accepted') return { kind: 'accepted', provider: open.provider };
  // The call may still be going on, and nothing is decided before its end.
  if (open.state === 'calling' && open.openMs > 0) return { kind: 'wait', waitMs: open.openMs };
  if (open.state === 'calling') {
    const outcome = await markOutcomeUnknown(db, open, 'no_answer', catalogue);
    if (outcome.kind !== 'ambiguous') return told(outcome);
  }
  const limits = { ambiguousWaitLowMs: config.ambiguousWaitLowMs, providerCount: config.providers.length };
  const askedAt = performance.now();
  const found = await lookUp(dependencies, open, {
    timeoutMs: lookUpTimeMs(priority, open, limits),
    decideInMs: untilDecision(priority, open, limits),
  });
  if (found.kind === 'found') {
    // A search has recorded this attempt already, before those of others: nothing is written again.
    return told(settled(await adoptLookUp(db, open, found.providerMessageId, catalogue)));
  }
  const decision = decideUnknownOutcome(priority, later(open, performance.now() - askedAt), limits);
  if (decision.kind === 'wait') return decision;
  return told(settled(await abandon(db, open, decision.kind, catalogue)));
}

/** Narrows the type: after a decision an attempt is never ambiguous. */
function settled(outcome: Awaited<ReturnType<typeof abandon>>): Reconciliation {
  return outcome.kind === 'ambiguous' ? { kind: 'refused', code: outcome.code } : outcome;
}

import { ApplicationFailure } from '@temporalio/common';
import { findWork, noteDue } from '../domain/attempts/plan.js';
import type { StatusRule } from '../domain/emails/statuses.js';
import type { ActivityDependencies } from './dependencies.js';
import type { Plan } from './types.js';

/**
 * The workflow's first step. In the Web UI and in recorded histories the activity is called `persist`, the requirements'
 * word. What is left to do is read from the record, never from what a workflow remembers. So a workflow that is started
 * again after a reset, or after the loss of Temporal's data, continues where the e-mail is.
 */
export function createLoadPlan({ db, config, catalogue }: ActivityDependencies) {
  return async function loadPlan(emailId: string): Promise<Plan> {
    const work = await findWork(db, emailId, catalogue);
    if (work?.status === 'scheduled') await noteDue(db, emailId, catalogue);
    if (!work) throw ApplicationFailure.nonRetryable('no such e-mail in the record', 'UnknownEmail');
    const all = work.onlyProvider ? [work.onlyProvider] : config.providers;
    const willing = all.filter((provider) => !work.unsubscribedAt.includes(provider));
    // None is left only when one was taken out of the configuration meanwhile: then they are asked again.
    const providers = willing.length > 0 ? willing : all;
    const common = {
      generation: work.generation,
      status: work.status,
      hasAttachment: work.hasAttachment,
      uploadPending: work.hasAttachment && !work.stored,
      providers,
      admitting: providers.filter((provider) => work.admitting.includes(provider)),
      backoff: config.backoff,
      deliveryTimeoutMs: remaining(config.deliveryTimeoutMs, work.sinceSentMs),
      // Nobody will tell of an open that is not tracked.
      openWindowMs: work.untracked ? UNTRACKED_WINDOW_MS : remaining(config.openWindowMs, work.sinceDeliveredMs),
      endsAsRecorded: true as const,
    };
    return { ...common, stage: stageOf(work.accepted, catalogue.get(work.status)) };
  };
}

/** Not 0, which is another path in the workflow. */
const UNTRACKED_WINDOW_MS = 1;

const remaining = (wholeMs: number, passedMs: number | null) => Math.max(0, wholeMs - (passedMs ?? 0));

function stageOf(accepted: boolean, rule: StatusRule | undefined): Plan['stage'] {
  if (rule?.signal === 'delivered') return 'await_open';
  if (rule?.final) return 'over';
  return accepted ? 'await_delivery' : 'hand_over';
}

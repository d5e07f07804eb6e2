import { condition, proxyActivities, proxyLocalActivities, workflowInfo } from '@temporalio/workflow';
import type { Plan, Reconciliation, RecordActivities, SendActivities, SendOutcome } from '../activities/types.js';
import type { ProviderName } from '../config.js';
import type { Outcome } from '../db/attempts.js';
import type { Nudges } from './nudges.js';
import { sendQueue } from './queues.js';

type Settled = Exclude<Reconciliation, { kind: 'wait' }>;
export type HandOver = Extract<Settled, { kind: 'accepted' | 'ended' }>;

const retry = { initialInterval: '500ms', maximumInterval: '10s' } as const;
const record = proxyLocalActivities<RecordActivities>({ startToCloseTimeout: '10s', retry });

/**
 * Gets the e-mail to a provider: each in turn, then a back-off, then again, until one has it or the record says that
 * it is over (cancelled, suppressed, refused for good, past its lifetime). Each try is an activity of its own, visible
 * in the history; waiting is a durable timer.
 */
export async function handOver(emailId: string, plan: Plan, nudges: Nudges): Promise<HandOver> {
  for (let round = 0; ; round++) {
    let retryAfterMs = 0;
    for (const [index, provider] of plan.providers.entries()) {
      const lastOfRound = index === plan.providers.length - 1;
      const outcome = await settle(emailId, plan, await tryProvider(emailId, plan, provider, lastOfRound), nudges);
      if (outcome.kind !== 'refused') return outcome;
      retryAfterMs = Math.max(retryAfterMs, outcome.retryAfterMs ?? 0);
    }
    const hurried = nudges.hurry;
    await condition(() => nudges.hurry > hurried, Math.max(retryAfterMs, backOffMs(round, plan.backoff)));
  }
}

function tryProvider(emailId: string, plan: Plan, provider: ProviderName, lastOfRound: boolean): Promise<SendOutcome> {
  const { generation, hasAttachment } = plan;
  const dispatchedAtMs = workflowInfo().startTime.getTime();
  const request = { emailId, generation, provider, hasAttachment, dispatchedAtMs, lastOfRound };
  return sendActivities(`via ${provider}`).send(request);
}

/** Sees to it that a try's outcome is in the record and known. */
async function settle(emailId: string, plan: Plan, outcome: SendOutcome, nudges: Nudges): Promise<Settled> {
  let known: Outcome | Reconciliation =
    outcome.kind === 'unrecorded' ? await record.recordAnswer(outcome.answer) : outcome;
  while (known.kind === 'ambiguous' || known.kind === 'wait') {
    if (known.kind === 'wait') {
      const { evidence, hurry } = nudges;
      await condition(() => nudges.evidence > evidence || nudges.hurry > hurry, known.waitMs);
    }
    known = await sendActivities('looking for evidence').reconcile({ emailId, generation: plan.generation });
  }
  return known;
}

/** Exponential, with jitter: half of the step is random, so that mail held up together does not return together. */
function backOffMs(round: number, { initialMs, maxMs }: Plan['backoff']): number {
  const step = Math.min(initialMs * 2 ** round, maxMs);
  return step / 2 + (step / 2) * Math.random();
}

/**
 * Activities on `send-<priority>`. A heartbeat time-out brings a killed worker's call back within seconds. There is no
 * schedule-to-start time-out, so that a paused queue never kills mail.
 */
function sendActivities(summary: string): SendActivities {
  return proxyActivities<SendActivities>({
    taskQueue: sendQueue(),
    startToCloseTimeout: '3m',
    heartbeatTimeout: '2s',
    retry,
    summary,
  });
}

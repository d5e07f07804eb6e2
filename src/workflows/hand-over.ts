import { condition, continueAsNew, patched, proxyLocalActivities, workflowInfo } from '@temporalio/workflow';
import type { Plan, Reconciliation, RecordActivities, SendOutcome } from '../activities/types.js';
import type { ProviderName } from '../config.js';
import type { Outcome } from '../db/attempt-steps.js';
import type { EmailInput, email } from './email.js';
import type { Nudges } from './nudges.js';
import { Pace } from './pace.js';
import { RETRY, sendActivities } from './send-activities.js';

type Tried = Exclude<SendOutcome, { kind: 'not_admitted' }>;
type Settled = Exclude<Reconciliation, { kind: 'wait' }>;
export type HandOver = Extract<Settled, { kind: 'accepted' | 'ended' }>;

/** Nudges that come while an activity runs count for the wait after it; before, only those that came during the wait. */
const NUDGED_MEANWHILE = 'nudged-meanwhile';

/** The providers are asked for before each further round; before, only at the start. */
const PROVIDERS_ANEW = 'providers-anew';

/** For what can be done without. */
const once = proxyLocalActivities<RecordActivities>({ startToCloseTimeout: '2s', retry: { maximumAttempts: 1 } });

const record = proxyLocalActivities<RecordActivities>({ startToCloseTimeout: '10s', retry: RETRY });

/**
 * Gets the e-mail to a provider: each in turn, then a back-off, then again, until one has it or the record says that
 * it is over (cancelled, suppressed, refused for good, past its lifetime). Each try is an activity of its own, visible
 * in the history; waiting is a durable timer.
 */
export async function handOver(input: EmailInput, plan: Plan, nudges: Nudges): Promise<HandOver> {
  const pace = new Pace(input.priority, plan.backoff);
  let { providers } = plan;
  for (;;) {
    const round = { refused: false, readyInMs: Number.POSITIVE_INFINITY };
    const before = { ...nudges };
    for (const [index, provider] of providers.entries()) {
      const lastOfRound = index === providers.length - 1;
      const tried = await tryProvider(input.emailId, plan, provider, lastOfRound);
      if (tried.kind === 'not_admitted') {
        round.readyInMs = Math.min(round.readyInMs, tried.waitMs);
        continue;
      }
      const outcome = await settle(input.emailId, plan, tried, nudges);
      if (outcome.kind !== 'refused') return outcome;
      round.refused = true;
      round.readyInMs = Math.min(round.readyInMs, outcome.retryAfterMs ?? 0);
    }
    const { hurry } = patched(NUDGED_MEANWHILE) ? before : { ...nudges };
    await condition(() => nudges.hurry > hurry, pace.next(round));
    // Days without a provider make a long history: the e-mail goes on in a new run, which reads the record anew.
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof email>(input);
    // An operator may have added one meanwhile, or taken one away.
    if (patched(PROVIDERS_ANEW)) providers = (await planOf(input.emailId))?.providers ?? providers;
  }
}

/** What is left to do now. Asked once: while the record cannot be read, those known go on being tried. */
async function planOf(emailId: string): Promise<Plan | undefined> {
  try {
    return await once.persist(emailId);
  } catch {
    return undefined;
  }
}

function tryProvider(emailId: string, plan: Plan, provider: ProviderName, lastOfRound: boolean): Promise<SendOutcome> {
  const { generation, hasAttachment } = plan;
  const dispatchedAtMs = workflowInfo().startTime.getTime();
  const request = { emailId, generation, provider, hasAttachment, dispatchedAtMs, lastOfRound };
  return sendActivities(`via ${provider}`).send(request);
}

/** Sees to it that a try's outcome is in the record and known. */
async function settle(emailId: string, plan: Plan, tried: Tried, nudges: Nudges): Promise<Settled> {
  let known: Outcome | Reconciliation =
    tried.kind === 'unrecorded' ? await record.recordAnswer(tried.unrecorded) : tried;
  let before = { ...nudges };
  while (known.kind === 'ambiguous' || known.kind === 'wait') {
    if (known.kind === 'wait') {
      const { evidence, hurry } = patched(NUDGED_MEANWHILE) ? before : { ...nudges };
      await condition(() => nudges.evidence > evidence || nudges.hurry > hurry, known.waitMs);
    }
    before = { ...nudges };
    known = await sendActivities('looking for evidence').reconcile({ emailId, generation: plan.generation });
  }
  return known;
}

import { condition, continueAsNew, patched, proxyLocalActivities, workflowInfo } from '@temporalio/workflow';
import type { Plan, Reconciliation, RecordActivities, SendOutcome } from '../activities/types.js';
import type { ProviderName } from '../config.js';
import type { Outcome } from '../domain/attempts/transitions.js';
import type { EmailInput } from './input.js';
import { Pace, type SendRound } from './pace.js';
import { RETRY, sendActivities } from './send-activities.js';
import { type Wakes, waitFor } from './wakes.js';

type Tried = Exclude<SendOutcome, { kind: 'not_admitted' }>;
type Settled = Exclude<Reconciliation, { kind: 'wait' }>;
type RoundsOutcome = Extract<Settled, { kind: 'accepted' | 'ended' }>;

/** Patch: wakes that come while an activity runs count for the wait after it. Before, only those during the wait did. */
const WOKEN_MEANWHILE = 'nudged-meanwhile';

/** Patch: the providers are read before each further round. Before, they were read only at the start. */
const PROVIDERS_ANEW = 'providers-anew';

/**
 * Releases that say in their plans who admits have all these changes, and more: an e-mail that no provider admits
 * sleeps until it is signalled, where it had asked again and again. So no further mark is needed, each of which costs
 * two events of the history.
 */
const isNew = (plan: Pick<Plan, 'admitting'>) => plan.admitting !== undefined;

/** For steps that the workflow can do without. */
const { persist: loadPlanOnce } = proxyLocalActivities<RecordActivities>({
  startToCloseTimeout: '2s',
  retry: { maximumAttempts: 1 },
});

const record = proxyLocalActivities<RecordActivities>({ startToCloseTimeout: '10s', retry: RETRY });

/**
 * Gets the e-mail to a provider: each in turn, then a back-off, then again, until one has it or the record says that
 * it is over (cancelled, suppressed, refused for good, past its lifetime). Each try is an activity of its own, visible
 * in the history; waiting is a durable timer. While no provider admits it there is nothing to try: it sleeps.
 */
export async function runSendRounds(input: EmailInput, plan: Plan, wakes: Wakes): Promise<RoundsOutcome> {
  const pace = new Pace(input.priority, plan.backoff);
  let now = plan;
  for (;;) {
    const before = { ...wakes };
    const round = await runRound(input.emailId, now, wakes);
    if (round.outcome) return round.outcome;
    const { hurry } = isNew(now) || patched(WOKEN_MEANWHILE) ? before : { ...wakes };
    const hurried = () => wakes.hurry > hurry;
    if (!round.refused && isNew(now)) {
      const outcome = await sleep(input.emailId, now, round, hurried, wakes);
      if (outcome) return outcome;
    } else {
      await waitFor(wakes, hurried, pace.next(round));
    }
    // Days without a provider make a long history: the e-mail goes on in a new run, which reads the record anew.
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<(input: EmailInput) => Promise<string>>(input);
    // An operator may have added a provider meanwhile, or taken one away.
    if (isNew(now) || patched(PROVIDERS_ANEW)) now = await lookAgain(input.emailId, now);
  }
}

/** Who may be asked now. Asked once: while the record cannot be read, all those known are tried. */
async function lookAgain(emailId: string, plan: Plan): Promise<Plan> {
  try {
    const { providers, admitting } = await loadPlanOnce(emailId);
    return { ...plan, providers, admitting };
  } catch {
    return isNew(plan) ? { ...plan, admitting: plan.providers } : plan;
  }
}

/** Tries one provider after the other. `outcome`: there are no further rounds. */
async function runRound(
  emailId: string,
  plan: Plan,
  wakes: Wakes,
): Promise<SendRound & { readonly asked: boolean; readonly outcome?: RoundsOutcome }> {
  let refused = false;
  let readyInMs = Number.POSITIVE_INFINITY;
  let now = plan;
  const providers = plan.admitting ?? plan.providers;
  for (const [index, provider] of providers.entries()) {
    if (now.admitting && !now.admitting.includes(provider)) continue;
    const lastOfRound = index === providers.length - 1;
    const tried = await tryProvider(emailId, plan, provider, lastOfRound);
    if (tried.kind === 'not_admitted') {
      readyInMs = Math.min(readyInMs, tried.waitMs);
      continue;
    }
    const outcome = await settle(emailId, plan, tried, wakes);
    if (outcome.kind !== 'refused') return { asked: true, refused, readyInMs, outcome };
    refused = true;
    readyInMs = Math.min(readyInMs, outcome.retryAfterMs ?? 0);
    // What one call met, many meet: meanwhile the next provider's breaker may have opened, too.
    if (!lastOfRound && isNew(plan)) now = await lookAgain(emailId, plan);
  }
  return { asked: providers.length > 0, refused, readyInMs };
}

function tryProvider(emailId: string, plan: Plan, provider: ProviderName, lastOfRound: boolean): Promise<SendOutcome> {
  const { generation, hasAttachment } = plan;
  const dispatchedAtMs = workflowInfo().startTime.getTime();
  const request = { emailId, generation, provider, hasAttachment, dispatchedAtMs, lastOfRound };
  return sendActivities(`via ${provider}`).send(request);
}

/** Waits until the dispatcher signals that a provider admits. @returns how the e-mail ended, if it has. */
async function sleep(
  emailId: string,
  plan: Plan,
  { asked }: { readonly asked: boolean },
  hurried: () => boolean,
  wakes: Wakes,
): Promise<RoundsOutcome | undefined> {
  const { generation, providers } = plan;
  const awaiting = await record.awaitProvider({ emailId, generation, providers, refused: asked });
  if (awaiting.kind !== 'awaiting') {
    const outcome = await settle(emailId, plan, awaiting, wakes);
    return outcome.kind === 'refused' ? undefined : outcome;
  }
  await condition(hurried, awaiting.waitMs);
  return undefined;
}

/** Sees to it that a try's outcome is in the record and known. */
async function settle(emailId: string, plan: Plan, tried: Tried, wakes: Wakes): Promise<Settled> {
  let known: Outcome | Reconciliation =
    tried.kind === 'unrecorded' ? await record.recordAnswer(tried.unrecorded) : tried;
  let before = { ...wakes };
  while (known.kind === 'ambiguous' || known.kind === 'wait') {
    if (known.kind === 'wait') {
      const { evidence, hurry } = isNew(plan) || patched(WOKEN_MEANWHILE) ? before : { ...wakes };
      await waitFor(wakes, () => wakes.evidence > evidence || wakes.hurry > hurry, known.waitMs);
    }
    before = { ...wakes };
    known = await sendActivities('looking for evidence').reconcile({ emailId, generation: plan.generation });
  }
  return known;
}

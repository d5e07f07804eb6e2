import type { ProviderName } from '../../../config.js';
import { type RetryResult, retryEmail } from '../../actions/retry.js';
import { done, type JobKind, type StepResult, skipped } from '../kind.js';
import { type Correction, correctedReceiver } from './correction.js';
import { currentGeneration } from './generation.js';
import { planEmails, type Selection } from './selection.js';

/** Begins a new life for e-mails that are dead, failed, bounced or suppressed. */
export interface RetryParameters {
  readonly selection: Selection;
  /** This provider and no other. */
  readonly through?: ProviderName;
  /** Instead of the receiver they had. */
  readonly corrected?: Correction;
}

const parametersOf = (parameters: unknown) => parameters as RetryParameters;

export const retry: JobKind = {
  plan: (context, { parameters }, cursor) =>
    planEmails(context, parametersOf(parameters).selection, cursor, ({ attempt }) =>
      attempt === 'calling' ? 'attempt_open' : undefined,
    ),

  async step(trx, { catalogue, deadlineMs }, { id, parameters }, item) {
    if ((await currentGeneration(trx, item.target)) !== item.generation) return skipped('changed');
    const { through: provider, corrected } = parametersOf(parameters);
    const receiver = corrected && (await correctedReceiver(trx, item.target, corrected));
    const who = { emailId: item.target, clientId: null, by: 'operator', job: id } as const;
    const request = { ...who, provider, receiver, deadlineMs };
    return resultOf(await retryEmail(trx, request, catalogue));
  },
};

function resultOf(result: RetryResult): StepResult {
  if (result.kind === 'retried') return done;
  return skipped(result.kind === 'not_retryable' ? `is_${result.status}` : result.kind);
}

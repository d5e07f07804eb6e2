import type { ProviderName } from '../../../config.js';
import { rerouteEmail } from '../../actions/reroute.js';
import { done, type JobKind, skipped } from '../kind.js';
import { tooLate } from './cancel.js';
import { currentGeneration } from './generation.js';
import { planEmails, type Selection } from './selection.js';

/** Has e-mails that no provider has yet go through one provider alone, or through any again. */
export interface RerouteParameters {
  readonly selection: Selection;
  /** Null: any, as the configuration orders them. */
  readonly through: ProviderName | null;
}

const parametersOf = (parameters: unknown) => parameters as RerouteParameters;

export const reroute: JobKind = {
  plan: (context, { parameters }, cursor) => planEmails(context, parametersOf(parameters).selection, cursor, tooLate),

  async step(trx, { catalogue, providers, wake }, { id, parameters }, item) {
    if ((await currentGeneration(trx, item.target)) !== item.generation) return skipped('changed');
    const { through } = parametersOf(parameters);
    const result = await rerouteEmail(trx, { emailId: item.target, through, providers, job: id }, catalogue);
    if (result.kind === 'too_late') return skipped(result.why);
    if (result.kind !== 'rerouted') return skipped(result.kind);
    if (result.running) wake(item.target);
    return done;
  },
};

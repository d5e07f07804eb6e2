import { cancelEmail } from '../../actions/cancel.js';
import { done, type JobKind, skipped } from '../kind.js';
import { currentGeneration } from './generation.js';
import { planEmails, type Selected, type Selection } from './selection.js';

/** Cancels e-mails that no provider has and that nobody is sending at this moment. */
export interface CancelParameters {
  readonly selection: Selection;
}

/** Why neither cancelling nor rerouting would do anything. */
export const tooLate = ({ attempt }: Selected) =>
  attempt === null ? undefined : attempt === 'accepted' ? 'sent' : 'sending';

export const cancel: JobKind = {
  plan: (context, { parameters }, cursor) =>
    planEmails(context, (parameters as unknown as CancelParameters).selection, cursor, tooLate),

  async step(trx, { catalogue, wake }, { id }, item) {
    if ((await currentGeneration(trx, item.target)) !== item.generation) return skipped('changed');
    const result = await cancelEmail(trx, null, item.target, catalogue, id);
    if (result.kind === 'not_found') return skipped('not_found');
    if (result.kind === 'too_late') return skipped(result.why);
    if (result.running) wake(item.target);
    return done;
  },
};

import { discard as discardLetter } from '../../dead-letters/dead-letters.js';
import { done, type JobKind, skipped } from '../kind.js';
import { currentGeneration } from './generation.js';
import { planEmails, type Selection } from './selection.js';

/** Closes dead letters: nothing more is to be done. Their e-mails stay dead, and can still be retried. */
export interface DiscardParameters {
  readonly selection: Selection;
}

export const discard: JobKind = {
  plan: (context, { parameters }, cursor) =>
    planEmails(context, (parameters as unknown as DiscardParameters).selection, cursor, () => undefined),

  async step(trx, _context, _job, item) {
    if ((await currentGeneration(trx, item.target)) !== item.generation) return skipped('changed');
    return (await discardLetter(trx, null, item.target)) ? done : skipped('not_open');
  },
};

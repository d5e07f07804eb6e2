import type { Logger } from 'pino';

/** What a line of an e-mail's life tells; the line's `msg`. Others search for these words: they are part of what we promise. */
type LifeStep =
  | 'accepted'
  | 'dispatched'
  | 'attempt'
  | 'outcome'
  | 'webhook'
  | 'opened'
  | 'unsubscribed'
  | 'uploaded'
  | 'delivery check'
  | 'job';

/** Ids, codes and times; never an address, a subject, or what a provider said. */
interface LifeFields {
  readonly emailId: string;
  readonly [name: string]: string | number | boolean | null | undefined;
}

/**
 * Writes a line of an e-mail's life, with its `emailId`: a search for the id over the logs of all processes is the whole
 * story. Written after what it tells is committed; an `attempt` before its call begins.
 *
 * @param logger one that leaves nothing out: the lines of two e-mails are alike but for their ids.
 */
export function logStep(logger: Pick<Logger, 'info'>, step: LifeStep, fields: LifeFields): void {
  logger.info(fields, step);
}

import type { EmailView } from '../../domain/emails/view.js';
import type { ApiContext } from '../routing/route.js';
import { emailNotFound } from '../scope.js';

/** Answers with an e-mail. @throws Problem 404 when there is nothing to show. */
export function answerView(ctx: ApiContext, view: EmailView | undefined) {
  if (!view) throw emailNotFound();
  ctx.state.emailId = view.id;
  ctx.set('Cache-Control', 'no-store');
  return viewBody(view);
}

/** The read model in the contract's order, with what follows from it. */
export function viewBody({ metadata, tags, attachment, events, attempts, ...email }: EmailView) {
  return { ...email, retry_count: Math.max(0, attempts.length - 1), metadata, tags, attachment, events, attempts };
}

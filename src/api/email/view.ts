import { type EmailView, findEmailView } from '../../domain/emails/view.js';
import { explainWaiting } from '../../domain/waiting/explain.js';
import type { Waiting } from '../../domain/waiting/reasons.js';
import type { ApiDependencies } from '../dependencies.js';
import type { ApiContext } from '../routing/route.js';
import { emailNotFound, scopeOf } from '../scope.js';

/** Answers with an e-mail, and with why it waits. @throws Problem 404 when there is nothing to show. */
export async function showEmail(ctx: ApiContext, api: ApiDependencies, emailId: string) {
  const { db, catalogue, signs } = api;
  const view = await findEmailView(db, scopeOf(ctx.state.client), emailId);
  if (!view) throw emailNotFound();
  ctx.state.emailId = view.id;
  ctx.set('Cache-Control', 'no-store');
  // Most that are asked about are over, or with a provider: then there is nothing to explain.
  const rule = catalogue.get(view.status);
  return viewBody(view, rule?.final || rule?.survives ? null : await explainWaiting(db, view.id, api, signs));
}

/** The read model in the contract's order, with what follows from it. */
export function viewBody(
  { metadata, tags, attachment, events, attempts, ...email }: EmailView,
  waiting: Waiting | null = null,
) {
  const retry_count = Math.max(0, attempts.length - 1);
  return { ...email, waiting, retry_count, metadata, tags, attachment, events, attempts };
}

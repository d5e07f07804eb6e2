import type { RouterContext } from '@koa/router';
import { z } from 'zod';
import type { ProviderName } from '../../config.js';
import { type RetryResult, retryEmail } from '../../domain/actions/retry.js';
import type { StatusCatalogue } from '../../domain/emails/statuses.js';
import { Problem } from '../../http/problem.js';
import type { Db } from '../../postgres/database.js';
import type { PerPriority } from '../../priority.js';
import { limitReached } from '../acceptance.js';
import type { ApiState } from '../authenticate.js';
import { address, providerName } from '../fields.js';
import { readJson } from '../json-body.js';
import { emailIdIn, emailNotFound, mustBeOperator, scopeOf } from '../scope.js';

export interface RetryDependencies {
  readonly db: Db;
  readonly catalogue: StatusCatalogue;
  readonly deadlineMs: PerPriority<number>;
  /** Those we send through. */
  readonly providers: readonly ProviderName[];
}

const retryBody = z.strictObject({ provider: providerName.optional(), receiver: address.optional() });

/**
 * `POST …/{id}/retry {provider?, receiver?}`: begins an e-mail's next generation. Which provider is an operator's to
 * say; the receiver may be corrected by whoever may retry.
 */
export function handleRetry({ db, catalogue, deadlineMs, providers }: RetryDependencies) {
  return async (ctx: RouterContext<ApiState>): Promise<void> => {
    const emailId = emailIdIn(ctx);
    const { client } = ctx.state;
    const { provider, receiver } = await readJson(ctx, retryBody);
    if (provider) mustBeOperator(client, 'choose a provider');
    if (provider) mustBeConfigured(provider, providers);
    const by = client.operator ? 'operator' : 'client';
    const request = { emailId, clientId: scopeOf(client), by, provider, receiver, deadlineMs } as const;
    const result = await retryEmail(db, request, catalogue);
    if (result.kind !== 'retried') throw refusalOf(result);
    ctx.state.emailId = emailId;
    ctx.body = { id: emailId, status: 'queued', generation: result.generation };
  };
}

/** @throws Problem 422 for a provider that no worker could send through. */
export function mustBeConfigured(provider: ProviderName, providers: readonly ProviderName[]): void {
  if (providers.includes(provider)) return;
  throw new Problem(422, 'invalid_fields', 'Some fields are not valid; each is listed.', {
    errors: [{ field: 'provider', code: 'not_configured', message: `must be one of ${providers.join(', ')}` }],
  });
}

function refusalOf(result: Exclude<RetryResult, { kind: 'retried' }>): Problem {
  if (result.kind === 'not_found') return emailNotFound();
  if (result.kind === 'limit_reached') return limitReached();
  if (result.kind === 'attempt_open') {
    const detail = 'A call to a provider may still be going on. Try again in a minute.';
    return new Problem(409, 'not_retryable', detail, { headers: { 'Retry-After': '60' } });
  }
  const detail = `Only an e-mail that is dead, failed, bounced or suppressed can be retried; this one is ${result.status}.`;
  return new Problem(409, 'not_retryable', detail);
}

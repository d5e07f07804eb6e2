import { z } from 'zod';
import type { ProviderName } from '../../config.js';
import { type RetryResult, retryEmail } from '../../domain/actions/retry.js';
import { Problem } from '../../http/problem.js';
import { contentRemoved, limitReached, senderRefused } from '../acceptance.js';
import type { ApiDependencies } from '../dependencies.js';
import { address, providerName } from '../fields.js';
import type { ProblemCode } from '../routing/problem-codes.js';
import type { ApiContext } from '../routing/route.js';
import { emailNotFound, mustBeOperator, scopeOf } from '../scope.js';

export const retryBody = z.strictObject({
  provider: providerName.optional().describe('For operators: this one and no other.'),
  receiver: address.optional().meta({ description: 'Corrects the address.' }),
});

export const retryAnswer = z.object({
  id: z.uuid(),
  status: z.literal('queued'),
  generation: z.int().describe('Which of its lives begins.'),
});

/** What `retry` throws. */
export const RETRY_PROBLEMS = [
  'operator_only',
  'email_not_found',
  'not_retryable',
  'content_removed',
  'sender_not_allowed',
  'daily_limit_reached',
] as const satisfies readonly ProblemCode[];

/**
 * Begins an e-mail's next generation. Which provider is an operator's to say; the receiver may be corrected by whoever
 * may retry.
 *
 * @throws Problem, see `RETRY_PROBLEMS`.
 */
export async function retry(
  emailId: string,
  { provider, receiver }: z.output<typeof retryBody>,
  ctx: ApiContext,
  { db, catalogue, deadlineMs, providers }: ApiDependencies,
): Promise<z.output<typeof retryAnswer>> {
  const { client } = ctx.state;
  if (provider) mustBeOperator(client, 'choose a provider');
  if (provider) mustBeConfigured(provider, providers);
  const by = client.operator ? 'operator' : 'client';
  const request = { emailId, clientId: scopeOf(client), by, provider, receiver, deadlineMs } as const;
  const result = await retryEmail(db, request, catalogue);
  if (result.kind !== 'retried') throw refusalOf(result);
  ctx.state.emailId = emailId;
  return { id: emailId, status: 'queued', generation: result.generation };
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
  if (result.kind === 'content_removed') return contentRemoved(result.at);
  if (result.kind === 'sender_refused') return senderRefused(result);
  if (result.kind === 'attempt_open') {
    const detail = 'A call to a provider may still be going on. Try again in a minute.';
    return new Problem(409, 'not_retryable', detail, { headers: { 'Retry-After': '60' } });
  }
  const detail = `Only an e-mail that is dead, failed, bounced or suppressed can be retried; this one is ${result.status}.`;
  return new Problem(409, 'not_retryable', detail);
}

import type { AttemptId } from '../db/attempt-steps.js';
import type { LookUpResult } from '../providers/provider.js';
import type { ActivityDependencies } from './dependencies.js';
import { messageIdOf } from './message.js';

const TIMEOUT_MS = 3_000;

/** Asks an attempt's provider whether it has the message; a provider that cannot be asked has told nothing. */
export async function lookUp(
  { providers, config, logger }: Pick<ActivityDependencies, 'providers' | 'config' | 'logger'>,
  attempt: AttemptId & { readonly startedAt: Date; readonly receiver: string },
  timeoutMs = TIMEOUT_MS,
): Promise<LookUpResult> {
  const provider = providers.get(attempt.provider);
  if (!provider) return { kind: 'unsupported' };
  const messageId = messageIdOf(attempt.emailId, attempt.generation, config.messageIdDomain);
  try {
    return await provider.lookUp({ ...attempt, messageId }, AbortSignal.timeout(timeoutMs));
  } catch {
    logger.warn({ emailId: attempt.emailId, provider: attempt.provider }, 'the provider could not be asked');
    return { kind: 'none' };
  }
}

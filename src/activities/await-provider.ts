import { HELD } from '../domain/attempts/permission.js';
import { awaitProvider } from '../domain/queue/await-provider.js';
import { logStep } from '../process/life-log.js';
import type { ActivityDependencies } from './dependencies.js';
import { askOnce } from './send.js';
import type { Awaiting, AwaitProviderRequest } from './types.js';

/** How often a sleeping e-mail looks at the record by itself: its lifetime may have ended, or a signal may be lost. */
export const LOOK_AGAIN_MS = 15 * 60_000;

/** Held ones are woken when they are released; their lifetimes stand still. */
const LOOK_AGAIN_HELD_MS = 24 * 60 * 60_000;

/** Puts an e-mail to sleep that no provider admits, unless the record says that it has ended or that a provider has it. */
export function createAwaitProvider(dependencies: ActivityDependencies) {
  return async function awaitAvailability(request: AwaitProviderRequest): Promise<Awaiting> {
    const { emailId, generation, providers } = request;
    const impossible = 'no_provider_admits';
    const asked = { emailId, generation, provider: providers[0]!, dispatchedAtMs: 0, impossible };
    const permission = await askOnce(dependencies, asked);
    switch (permission.kind) {
      case 'granted':
        throw new Error('a permission that was not asked for');
      case 'busy':
      case 'ambiguous':
        return { kind: 'ambiguous', code: 'earlier_attempt' };
      case 'not_admitted':
        await awaitProvider(dependencies.db, request, { ...request, checkAfterMs: dependencies.config.sweep.afterMs });
        return { kind: 'awaiting', waitMs: permission.code === HELD ? LOOK_AGAIN_HELD_MS : LOOK_AGAIN_MS };
      case 'ended':
        logStep(dependencies.logger, 'outcome', { emailId, generation, ...permission });
        return permission;
      default:
        return permission;
    }
  };
}

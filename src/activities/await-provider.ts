import { HELD } from '../domain/attempts/permission.js';
import { awaitProvider } from '../domain/queue/await-provider.js';
import { logStep } from '../process/life-log.js';
import type { ActivityDependencies } from './dependencies.js';
import { askOnce } from './send.js';
import type { Awaiting, AwaitProviderRequest } from './types.js';

/** Lifetimes end, and a signal may be lost, while an e-mail sleeps: it looks at the record this often by itself. */
const LOOK_AGAIN_MS = 15 * 60_000;

/** Held ones are woken when they are released; their lifetimes stand still. */
const LOOK_AGAIN_HELD_MS = 24 * 60 * 60_000;

/** None of an e-mail's providers admits it: it sleeps, unless the record says that it is over or that one has it. */
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

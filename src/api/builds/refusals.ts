import type { RoutingOutcome } from '../../domain/fleets/routing.js';
import { Problem } from '../../http/problem.js';

/** @throws Problem unless it was done; nothing was changed then. */
export function refuse(outcome: RoutingOutcome): void {
  if (outcome === 'done') return;
  if (outcome === 'unknown') throw buildNotFound();
  if (outcome === 'current')
    throw new Problem(409, 'build_is_current', 'E-mails begin on this build; promote or ramp another one first.');
  if (outcome === 'nothing')
    throw new Problem(409, 'nothing_to_roll_back', 'No build is ramping, and none was current before.');
  const priorities = outcome.without.join(', ');
  throw new Problem(
    409,
    'build_without_workers',
    `It has no worker that asks for tasks of ${priorities}; start it first.`,
  );
}

export const buildNotFound = () =>
  new Problem(404, 'build_not_found', 'No worker of this build has been heard of within the last hour.');

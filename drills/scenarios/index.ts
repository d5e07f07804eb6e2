import type { Drill } from '../drill.js';
import { CHAOS_DRILLS } from './chaos.js';
import { PROVIDER_DRILLS } from './providers.js';
import { SERVER_DRILLS } from './servers.js';
import { SERVICE_DRILLS } from './services.js';
import { STOP_DRILLS } from './stops.js';
import { UNKNOWN_OUTCOME_DRILLS } from './unknown-outcomes.js';
import { WORKER_DRILLS } from './workers.js';

/** Every drill, in the order in which they are run. */
export const DRILLS: readonly Drill[] = [
  ...WORKER_DRILLS,
  ...SERVICE_DRILLS,
  ...SERVER_DRILLS,
  ...PROVIDER_DRILLS,
  ...UNKNOWN_OUTCOME_DRILLS,
  ...STOP_DRILLS,
  ...CHAOS_DRILLS,
];

/** @throws Error when there is no drill of that name. */
export function drillNamed(name: string): Drill {
  const found = DRILLS.find((drill) => drill.name === name);
  if (!found) throw new Error(`no drill ${name}`);
  return found;
}

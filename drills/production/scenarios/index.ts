import type { Scenario } from '../scenario.js';
import { NETWORKS } from './networks.js';
import { POSTGRES_FAILOVER } from './postgres-failover.js';
import { RESTORE } from './restore.js';
import { TEMPORAL_CLUSTER } from './temporal-cluster.js';
import { TWO_OF_EACH } from './two-of-each.js';
import { UPGRADE } from './upgrade.js';

/** Every scenario, in the order in which they are run. */
export const SCENARIOS: readonly Scenario[] = [
  TWO_OF_EACH,
  NETWORKS,
  POSTGRES_FAILOVER,
  TEMPORAL_CLUSTER,
  UPGRADE,
  // It mostly waits, and no time of it is held to a promise: a busier machine does it no harm.
  RESTORE,
];

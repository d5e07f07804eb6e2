import type { WorkerDeploymentOptions } from '@temporalio/worker';
import type { Config } from '../config.js';
import { DEPLOYMENT } from './names.js';

/**
 * With `WORKER_BUILD_ID` a worker is of that build: an e-mail that begins on it stays with it to its end, and Temporal
 * sends it what begins once it is current or ramping. Without, any worker continues any workflow.
 *
 * @param behaviour of its workflows. A workflow that says it by itself is refused of a worker without a build.
 */
export function workerBuild(
  { workerBuildId: buildId }: Pick<Config['temporal'], 'workerBuildId'>,
  behaviour: 'PINNED' | 'AUTO_UPGRADE',
): { readonly workerDeploymentOptions?: WorkerDeploymentOptions } {
  if (!buildId) return {};
  const version = { deploymentName: DEPLOYMENT, buildId };
  return { workerDeploymentOptions: { useWorkerVersioning: true, version, defaultVersioningBehavior: behaviour } };
}

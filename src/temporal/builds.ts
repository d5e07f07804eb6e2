import type { Priority } from '../priority.js';
import type { TemporalLink } from './connection.js';
import { DEPLOYMENT, workflowQueueOf } from './names.js';
import { isNotFound } from './not-found.js';

/** A change of the routing is brought to every queue before it is answered. */
const CALL_TIMEOUT_MS = 10_000;
const IDENTITY = 'tempost-dispatcher';
/** `temporal.api.workflow.v1.VersioningOverride.PinnedOverrideBehavior`. */
const PINNED = 1;

/** Where e-mails begin. */
export interface BuildRouting {
  /** Gets what begins, but the share of the ramping one; null: workers without a build. */
  readonly current: string | null;
  /** An empty build is workers without one: only Temporal's own tools ramp to those. */
  readonly ramping: { readonly build_id: string; readonly percent: number } | null;
}

interface SeenBuilds extends BuildRouting {
  /** Every build that Temporal knows of. */
  readonly builds: readonly string[];
}

type Link = Pick<TemporalLink, 'client' | 'connection'>;

const soon = () => Date.now() + CALL_TIMEOUT_MS;

/** A build, as requests to Temporal name it; an empty one is the workers without. */
const versionOf = (namespace: string, buildId: string | null) => ({
  namespace,
  deploymentName: DEPLOYMENT,
  buildId: buildId ?? '',
  identity: IDENTITY,
  // Whether a build has workers is asked of the record: Temporal counts queues that no release has any more.
  ignoreMissingTaskQueues: true,
});

/** @returns how Temporal routes; null when no worker has ever had a build. @throws when it does not answer in time. */
export async function readRouting({ connection }: Link, namespace: string): Promise<SeenBuilds | null> {
  const { workflowService } = connection;
  const described = await connection.withDeadline(soon(), () =>
    workflowService.describeWorkerDeployment({ namespace, deploymentName: DEPLOYMENT }).catch((error) => {
      if (isNotFound(error)) return null;
      throw error;
    }),
  );
  if (!described?.workerDeploymentInfo) return null;
  const { routingConfig, versionSummaries } = described.workerDeploymentInfo;
  // A ramp to workers without a build has a percentage, and no version.
  const ramping = routingConfig?.rampingDeploymentVersion?.buildId ?? '';
  const percent = routingConfig?.rampingVersionPercentage ?? 0;
  return {
    current: routingConfig?.currentDeploymentVersion?.buildId || null,
    ramping: ramping || percent > 0 ? { build_id: ramping, percent } : null,
    builds: (versionSummaries ?? []).flatMap(({ deploymentVersion }) => deploymentVersion?.buildId ?? []),
  };
}

/** @returns false when Temporal does not know the build yet: its workers have not asked for tasks. */
export async function setRouting(link: Link, namespace: string, wanted: BuildRouting): Promise<boolean> {
  const { connection } = link;
  try {
    const before = await readRouting(link, namespace);
    if (before?.current !== wanted.current) {
      const request = versionOf(namespace, wanted.current);
      await connection.withDeadline(soon(), () =>
        connection.workflowService.setWorkerDeploymentCurrentVersion(request),
      );
    }
    const percentage = wanted.ramping?.percent ?? 0;
    if (wanted.ramping || (await readRouting(link, namespace))?.ramping) {
      const request = { ...versionOf(namespace, wanted.ramping?.build_id ?? null), percentage };
      await connection.withDeadline(soon(), () =>
        connection.workflowService.setWorkerDeploymentRampingVersion(request),
      );
    }
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Temporal keeps a percentage as a float32: what it gives back of 33.3 is another number. */
export const isSameRouting = (one: BuildRouting, other: BuildRouting) =>
  one.current === other.current &&
  one.ramping?.build_id === other.ramping?.build_id &&
  Math.fround(one.ramping?.percent ?? 0) === Math.fround(other.ramping?.percent ?? 0);

/** The query that finds what stays with a build, for Temporal's own tools as well. */
export const pinnedTo = (buildId: string, priority?: Priority) =>
  `TemporalWorkerDeploymentVersion = '${DEPLOYMENT}:${buildId}' and TemporalWorkflowVersioningBehavior = 'Pinned' ` +
  `and ExecutionStatus = 'Running'${priority ? ` and TaskQueue = '${workflowQueueOf(priority)}'` : ''}`;

/** How many workflows under way stay with a build, all or a priority's. */
export async function countPinned({ client }: Link, buildId: string, priority?: Priority): Promise<number> {
  const { count } = await client.withDeadline(soon(), () => client.workflow.count(pinnedTo(buildId, priority)));
  return count;
}

/** Of some that stay with a build, the ids. */
export async function listPinned({ client }: Link, buildId: string, limit: number): Promise<string[]> {
  const found: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query: pinnedTo(buildId), pageSize: limit })) {
    found.push(workflowId);
    if (found.length === limit) break;
  }
  return found;
}

/** Has a workflow go on with another build; null: with workers that have none. One that is over stays as it is. */
export async function moveTo({ connection }: Link, namespace: string, workflowId: string, buildId: string | null) {
  const pinned = { behavior: PINNED, version: { deploymentName: DEPLOYMENT, buildId: buildId ?? '' } };
  const versioningOverride = buildId === null ? { autoUpgrade: true } : { pinned };
  await connection.withDeadline(soon(), () =>
    connection.workflowService
      .updateWorkflowExecutionOptions({
        namespace,
        workflowExecution: { workflowId },
        workflowExecutionOptions: { versioningOverride },
        updateMask: { paths: ['versioning_override'] },
      })
      .catch((error) => {
        if (!isNotFound(error)) throw error;
      }),
  );
}

/** @returns the build that a workflow goes on with; null: it has not begun on one. */
export async function buildOf({ client }: Link, workflowId: string): Promise<string | null> {
  const { raw } = await client.withDeadline(soon(), () => client.workflow.getHandle(workflowId).describe());
  const info = raw.workflowExecutionInfo?.versioningInfo;
  const version =
    info?.versioningOverride?.pinned?.version ?? info?.versionTransition?.deploymentVersion ?? info?.deploymentVersion;
  return version?.buildId || null;
}

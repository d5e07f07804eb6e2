import { setTimeout as delay } from 'node:timers/promises';
import { missedBuilds } from '../domain/fleets/builds.js';
import { stateOf } from '../domain/fleets/heartbeats.js';
import { hasDispatcher } from '../domain/queue/dispatcher-sign.js';
import type { SignsOfLife } from '../domain/waiting/explain.js';
import type { Db } from '../postgres/database.js';
import type { Priority } from '../priority.js';
import { buildOf } from '../temporal/builds.js';
import type { TemporalLink } from '../temporal/connection.js';
import type { LazyTemporal } from '../temporal/lazy-connection.js';
import { sendQueueOf, workflowIdOf, workflowQueueOf } from '../temporal/names.js';

/** A request waits for Temporal no longer, also while the connection is being made. */
const PATIENCE_MS = 1_500;
/** What was found of a fleet holds for so long: many may ask about many e-mails at once. */
const REMEMBERED_MS = 2_000;
/** An idle worker polls at least once a minute. Temporal lists pollers for five minutes after their last poll. */
const POLLED_WITHIN_MS = 75_000;
/** `temporal.api.enums.v1.TaskQueueType`. */
const WORKFLOW_QUEUE = 1;
const ACTIVITY_QUEUE = 2;

type Fleet = 'some' | 'none' | 'unreachable';

/**
 * Goes by heartbeats: a frozen process keeps its lock and its polls for minutes, but says nothing. What says nothing
 * because its release did not yet is asked for as then: PostgreSQL for the dispatcher's lock, and Temporal, when it is
 * first needed, for workers and workflows.
 */
export function createSignsOfLife(db: Db, temporal: LazyTemporal, namespace: string): SignsOfLife {
  const known = new Map<Priority, { readonly fleet: Promise<Fleet>; readonly untilMs: number }>();

  /** @returns undefined when Temporal does not answer in time. */
  const ask = async <T>(question: (link: TemporalLink) => Promise<T>): Promise<T | undefined> => {
    const answer = temporal
      .link()
      .then((link) => link.client.withDeadline(Date.now() + PATIENCE_MS, () => question(link)))
      .catch(() => undefined);
    return Promise.race([answer, delay(PATIENCE_MS, undefined, { ref: false })]);
  };

  const isPolled = async ({ connection }: TemporalLink, name: string, taskQueueType: number) => {
    const { pollers } = await connection.withDeadline(Date.now() + PATIENCE_MS, () =>
      connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType }),
    );
    const since = Date.now() - POLLED_WITHIN_MS;
    return (pollers ?? []).some(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1_000 > since);
  };

  const lookFor = async (priority: Priority): Promise<Fleet> => {
    const state = await stateOf(db, 'worker', priority);
    if (state === 'well') return 'some';
    if (state === 'silent') return 'none';
    const polled = await ask((link) =>
      Promise.all([
        isPolled(link, workflowQueueOf(priority), WORKFLOW_QUEUE),
        isPolled(link, sendQueueOf(priority), ACTIVITY_QUEUE),
      ]),
    );
    if (!polled) return 'unreachable';
    return polled.every(Boolean) ? 'some' : 'none';
  };

  return {
    async hasDispatcher() {
      const state = await stateOf(db, 'dispatcher', null);
      return state === 'unknown' ? hasDispatcher(db) : state === 'well';
    },
    workersOf(priority) {
      const last = known.get(priority);
      if (last && last.untilMs > Date.now()) return last.fleet;
      const fleet = lookFor(priority);
      known.set(priority, { fleet, untilMs: Date.now() + REMEMBERED_MS });
      return fleet;
    },
    async missedBuildOf(emailId, priority) {
      // One look at the record, and nobody is asked while every build has its workers.
      const missed = await missedBuilds(db, priority);
      if (missed.length === 0) return null;
      const build = await ask((link) => buildOf(link, workflowIdOf(emailId)));
      if (build === undefined) return null;
      const begins = build === null;
      const own = missed.find((each) => (begins ? each.begins : each.buildId === build));
      return own ? { build: own.buildId, begins } : null;
    },
    async nextTryOf(emailId) {
      const ms = await ask(({ client }) =>
        client.workflow.getHandle(workflowIdOf(emailId)).query<number | null>('nextTry'),
      );
      return typeof ms === 'number' ? new Date(ms) : null;
    },
  };
}

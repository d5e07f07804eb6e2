import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { loadStatuses, type StatusCatalogue } from '../domain/emails/statuses.js';
import { beginRetention } from '../domain/jobs/begin-retention.js';
import { sendDigests, setNoticePolicy } from '../domain/notices/notices.js';
import { putBackReleased } from '../domain/queue/held.js';
import { createMeasure } from '../domain/samples/measure.js';
import { isSampleDue, keepSample } from '../domain/samples/samples.js';
import { deliverSignals, removeDelivered } from '../domain/signals/deliver.js';
import { takePendingSignals } from '../domain/signals/outbox.js';
import { type MatchedEvent, matchUnmatched } from '../domain/tracking/unmatched.js';
import type { Db } from '../postgres/database.js';
import { PRIORITIES, type Priority, perPriority } from '../priority.js';
import { logStep } from '../process/life-log.js';
import { repeat } from '../process/loop.js';
import type { Stop } from '../process/service.js';
import { guardAgainstOlderRecord, type Looked } from '../recovery/safeguard.js';
import type { TemporalLink } from '../temporal/connection.js';
import { createDispatching, type Dispatching } from './dispatching.js';
import { keepHouse } from './housekeeping.js';
import { keepBuilds } from './keep-builds.js';
import { listen } from './listener.js';
import { applyPauses } from './pauses.js';
import { registerSearchAttributes } from './search-attributes.js';
import { startJobs } from './start-jobs.js';
import { finishUploads, sweep } from './sweep.js';
import { createBreakerWatch } from './watch-breakers.js';
import { watchNamespace } from './watch-namespace.js';
import { createOperatorWatch } from './watch-operators.js';

/** What did not get through at once is brought this often. */
const SIGNALS_MS = 1_000;
/** How soon a pause made in Temporal alone is seen; one of ours is told at once. */
const PAUSES_MS = 5_000;
/** How soon it is seen that such a pause was lifted there, or one of ours: critical mail may be waiting. */
const WHILE_PAUSED_MS = 1_000;
/** A breaker that opens stays so for longer. */
const BREAKERS_MS = 1_000;
/** How soon a released hold is seen whose notice was lost. */
const HOLDS_MS = 2_000;
/** Often enough that each interval of the samples has one, of whichever dispatcher. */
const SAMPLES_MS = 5_000;
/** Nobody waits for it: it is for whoever asks later who did it. */
const OPERATORS_MS = 20_000;
/** A rest also while there is more: each look reads the histories of many. */
const OPERATORS_MORE_MS = 1_000;
/** How soon a job begins, or goes on after Temporal has lost it. */
const JOBS_MS = 1_000;
/** A record that was restored beneath running processes is noticed after so long. */
const GUARD_MS = 10_000;
const SIGNALS_BATCH = 200;
/** Events that named no e-mail are looked for again at this pace; their first look was when they came. */
const MATCHING_MS = 5_000;
const MATCHING_BATCH = 50;
const DIGESTS_MS = 60_000;
const DIGESTS_BATCH = 20;
const HOUSEKEEPING_MS = 10 * 60_000;
/** How soon a build without workers is seen, and a routing that Temporal has lost is set again. */
const BUILDS_MS = 10_000;
/** How soon the day's retention begins once it is due. */
const RETENTION_MS = 60_000;

/** A dispatcher that runs. */
interface Dispatcher extends Pick<Dispatching, 'windows'> {
  readonly stop: Stop;
}

/** One thing that a dispatcher does again and again. @returns how long to pause, in milliseconds; 0 to go on at once. */
type Task = () => Promise<number>;

interface TaskDependencies {
  readonly config: Config;
  readonly db: Db;
  readonly temporal: TemporalLink;
  readonly catalogue: StatusCatalogue;
  readonly logger: Logger;
}

/** What a dispatcher does beside dispatching, by name; each in a loop of its own. */
function tasksOf({ config, db, temporal, catalogue, logger }: TaskDependencies): Readonly<Record<string, Task>> {
  const { client, connection } = temporal;
  const { namespace } = config.temporal;
  const againAfterMs = config.sweep.afterMs;
  const watchBreakers = createBreakerWatch(db, logger);
  const { deadlineMs, providers } = config;
  const measure = createMeasure({ db, deadlineMs, providers });
  const watchOperators = createOperatorWatch({ db, client, logger });
  const looked: Looked = {};
  const tellMatched = ({ emailId, provider, type }: MatchedEvent) =>
    logStep(logger, 'webhook', { emailId, provider, event: type });
  /** After a full batch there may be more. */
  const batches = async (done: Promise<number>, full: number, pauseMs: number) => ((await done) === full ? 0 : pauseMs);
  return {
    /** Keeps pauses in Temporal and in the record alike. */
    pauses: () =>
      applyPauses({ db, connection, namespace, logger }).then((paused) => (paused ? WHILE_PAUSED_MS : PAUSES_MS)),
    /** Says when breakers open and close. */
    breakers: () => watchBreakers().then(() => BREAKERS_MS),
    /** Puts back what holds held that have ended. */
    holds: () => putBackReleased(db).then(({ full }) => (full ? 0 : HOLDS_MS)),
    /** Lists what was done to workflows in Temporal itself. */
    operators: () => watchOperators().then((more) => (more ? OPERATORS_MORE_MS : OPERATORS_MS)),
    /** Tells workflows what they have missed. */
    signals: () => batches(bringSignals(db, client, logger), SIGNALS_BATCH, SIGNALS_MS),
    /** Finds whose events are that named no e-mail. */
    matching: () => batches(matchUnmatched(db, catalogue, MATCHING_BATCH, tellMatched), MATCHING_BATCH, MATCHING_MS),
    /** Looks for workflows that were lost or ended. */
    async sweep() {
      await watchNamespace(temporal, db, namespace, logger);
      const { full } = await sweep({ db, client, catalogue, logger, againAfterMs });
      return full ? 0 : config.sweep.intervalMs;
    },
    /** Stops all sending if the record is older than Temporal. */
    guard: () => guardAgainstOlderRecord({ db, client, logger }, 'meanwhile', looked).then(() => GUARD_MS),
    /** Finishes uploads that were lost with their workflows. */
    uploads: () => finishUploads({ db, client, logger, againAfterMs }).then(() => againAfterMs),
    /** Tells senders what was too much to tell at once. */
    digests: () => batches(sendDigests(db, DIGESTS_BATCH), DIGESTS_BATCH, DIGESTS_MS),
    /** Starts the workflows of operators' jobs. */
    jobs: () => startJobs({ db, client, logger }).then(() => JOBS_MS),
    /** Keeps how it stands, for charts. */
    async samples() {
      if (await isSampleDue(db)) await keepSample(db, await measure());
      return SAMPLES_MS;
    },
    /** Has e-mails begin on the builds that operators want, and notes what stays with which. */
    builds: () => keepBuilds({ db, temporal, namespace, logger }).then((more) => (more ? 0 : BUILDS_MS)),
    housekeeping: () => keepHouse(db, config.retention).then(() => HOUSEKEEPING_MS),
    /** Begins the day's removal of what is too old. */
    retention: () => beginRetention(db, config.retention.emails).then(() => RETENTION_MS),
  };
}

async function bringSignals(db: Db, client: Client, logger: Logger): Promise<number> {
  const pending = await takePendingSignals(db, SIGNALS_BATCH);
  if (pending.length > 0) await removeDelivered(db, await deliverSignals(client, pending, logger), logger);
  return pending.length;
}

/**
 * Runs the dispatcher: one loop a priority that starts workflows, so that critical never waits for a batch of low, and
 * one for each of its other tasks. Several dispatchers may run side by side.
 */
export async function startDispatcher(
  config: Config,
  db: Db,
  temporal: TemporalLink,
  logger: Logger,
): Promise<Dispatcher> {
  const catalogue = await loadStatuses(db);
  await setNoticePolicy(db, { ...config.notices, deadlineMs: config.deadlineMs.medium });
  await registerSearchAttributes(temporal.connection, config.temporal.namespace, logger);
  await guardAgainstOlderRecord({ db, client: temporal.client, logger }, 'atStart');

  const { windows, dispatch, adaptWindows, hasHeadroom } = createDispatching(config, db, temporal.client, logger);
  const tasks = { windows: adaptWindows, ...tasksOf({ config, db, temporal, catalogue, logger }) };
  const dispatching = perPriority((priority) => repeat(`dispatch ${priority}`, () => dispatch(priority), logger));
  const others = new Map(Object.entries(tasks).map(([name, task]) => [name, repeat(name, task, logger)]));
  const wake = (priority?: Priority) => {
    if (priority && !hasHeadroom(priority)) return;
    for (const each of priority ? [priority] : PRIORITIES) dispatching[each].wake();
    if (priority) return;
    others.get('pauses')?.wake();
    others.get('holds')?.wake();
    others.get('builds')?.wake();
  };
  const listener = listen(config.database.url, wake, logger);
  const stop = async () => {
    await listener.stop();
    await Promise.all([...Object.values(dispatching), ...others.values()].map((loop) => loop.stop()));
  };
  return { windows, stop };
}

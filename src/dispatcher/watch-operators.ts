import { type Client, isGrpcServiceError, ServiceError, type WorkflowExecutionInfo } from '@temporalio/client';
import { sql } from 'kysely';
import type { Logger } from 'pino';
import { IN_TEMPORAL, recordAct } from '../domain/audit/record.js';
import type { Db } from '../postgres/database.js';
import { EMAIL_ACTIVITIES, emailIdOf } from '../temporal/names.js';
import { RESET_MARK } from '../workflows/reset-mark.js';
import { type Deed, endingOf, keyOfEnd, keyOfReset, pauseOf, type Run, resetOf } from './operator-deeds.js';

/** The first look goes back so far: what was done while no dispatcher ran is listed as well. */
const FIRST_LOOK_MS = 24 * 60 * 60_000;
/** Temporal lists what has happened with a delay; what is found twice is written once. */
const LISTED_WITHIN_MS = 60_000;
/** In one look; the next ones go on behind them. Somebody may have ended a hundred thousand by one command. */
const MOST = 200;
const PAGE = 1_000;
/** Of what is listed as long as it lasts, so many are looked through, the latest started; the others once these go on. */
const MOST_LASTING = 2_000;
/** Of gRPC. */
const INVALID_ARGUMENT = 3;

interface WatchDependencies {
  readonly db: Db;
  readonly client: Client;
  readonly logger: Logger;
}

/** Runs of workflows that operators may have had to do with: one question to Temporal, whatever their number. */
interface Trace {
  /**
   * What Temporal is asked, beside the time. Each is a question that one index of PostgreSQL answers by itself, of millions
   * of workflows as well: one status, or one kind of mark of which the values are named. See decision 81.
   */
  readonly query: string;
  /** Since when it is asked; without one all are listed that there are at the moment. */
  readonly timeField?: 'CloseTime' | 'StartTime';
  timeOf(run: WorkflowExecutionInfo): Date | undefined;
  /** A server of an earlier release than the status or the mark refuses the question: then there is nothing to be found. */
  readonly mayBeRefused?: true;
  /** How much later than one of a later time a run may come to be listed: each look goes back so far. */
  readonly overlapMs: number;
  /** Under which key the audit has what is found by this run; undefined where the run alone does not tell. */
  keyOf?(runId: string): string;
  /** @returns undefined of what nobody did but ourselves. */
  deedOf(client: Client, run: Run): Promise<Deed | undefined>;
}

/** What is kept of a run that Temporal has listed: there may be a hundred thousand. */
interface Listed extends Run {
  readonly at: Date | undefined;
}

const ended = (status: 'Terminated' | 'Canceled'): Trace => ({
  query: `ExecutionStatus = '${status}'`,
  timeField: 'CloseTime',
  timeOf: ({ closeTime }) => closeTime,
  overlapMs: LISTED_WITHIN_MS,
  keyOf: keyOfEnd,
  deedOf: endingOf,
});

// Temporal marks what is paused for as long as it is. When that began the run's own description tells. It is read once
// while the mark lasts: another pause meanwhile is not found.
const paused = (query: string): Trace => ({
  query,
  mayBeRefused: true,
  timeOf: ({ startTime }) => startTime,
  overlapMs: 0,
  deedOf: pauseOf,
});

const STEP_MARKS = EMAIL_ACTIVITIES.map((name) => `'property:activityType=${name}'`);

const TRACES: readonly Trace[] = [
  ended('Terminated'),
  ended('Canceled'),
  // A reset of a run that had ended ends nothing: it is known by the mark of the run that it begins. Its time is that of
  // the reset, but the mark comes with a worker, and the fleets of others may be faster.
  {
    query: `TemporalChangeVersion = '${RESET_MARK}'`,
    timeField: 'StartTime',
    timeOf: ({ startTime }) => startTime,
    overlapMs: FIRST_LOOK_MS,
    keyOf: keyOfReset,
    deedOf: resetOf,
  },
  paused("ExecutionStatus = 'Paused'"),
  paused(`ExecutionStatus = 'Running' AND TemporalPauseInfo IN (${STEP_MARKS.join(', ')})`),
];

/**
 * Notices workflows that were terminated, cancelled, reset or paused in Temporal itself, running or ended, and lists them in
 * the audit. Each is written once, however many dispatchers look.
 *
 * @returns a look, to be repeated; it says whether there may be more.
 */
export function createOperatorWatch(dependencies: WatchDependencies): () => Promise<boolean> {
  const looks = TRACES.map((trace) => createLook(dependencies, trace));
  return async () => {
    let more = false;
    for (const look of looks) more = (await look()) || more;
    return more;
  };
}

function createLook({ db, client, logger }: WatchDependencies, trace: Trace): () => Promise<boolean> {
  let newestMs = Date.now() - FIRST_LOOK_MS;
  /** Behind the listing before the last: of many that ended at once some come to be listed late. */
  let sinceMs = newestMs;
  /** Runs of the last listing. */
  let seen: ReadonlySet<string> = new Set();
  /** Of them, those that are still to be looked at; Temporal is not asked again before that is done. */
  let left: Listed[] = [];
  const list = async () => {
    const found = await listed(client, trace, sinceMs - trace.overlapMs);
    left = await unknownOf(
      db,
      found.filter(({ runId }) => !seen.has(runId)),
      trace.keyOf,
    );
    seen = new Set(found.map(({ runId }) => runId));
    sinceMs = newestMs;
    newestMs = found.at(-1)?.at?.getTime() ?? newestMs;
  };
  return async () => {
    if (left.length === 0) await list();
    // Meanwhile another dispatcher may have written some of them.
    const batch = await unknownOf(db, left.slice(0, MOST), trace.keyOf);
    for (const run of batch) {
      const emailId = emailIdOf(run.workflowId);
      const deed = emailId && (await trace.deedOf(client, run));
      if (emailId && deed) await write({ db, logger }, emailId, deed, run.at);
    }
    left = left.slice(MOST);
    return left.length > 0;
  };
}

async function write(
  { db, logger }: Pick<WatchDependencies, 'db' | 'logger'>,
  emailId: string,
  { verb, runId, reason, eventKey, at }: Deed,
  timeOfRun: Date | undefined,
): Promise<void> {
  const action = `email.${verb}`;
  const target = { kind: 'email', id: emailId } as const;
  const act = { action, target, at: at ?? timeOfRun, after: { run_id: runId }, reason, eventKey };
  const noticed = await recordAct(db, IN_TEMPORAL, act);
  if (noticed) logger.info({ emailId, action }, 'an operator’s act in Temporal');
}

/** The oldest first, so that the next listing can go on behind them. */
async function listed(client: Client, trace: Trace, sinceMs: number): Promise<Listed[]> {
  const since = trace.timeField ? ` AND ${trace.timeField} >= '${new Date(sinceMs).toISOString()}'` : '';
  const query = `WorkflowType = 'email' AND ${trace.query}${since}`;
  const found: Listed[] = [];
  try {
    for await (const run of client.workflow.list({ query, pageSize: PAGE })) {
      const { workflowId, runId, status } = run;
      found.push({ workflowId, runId, status, at: trace.timeOf(run) });
      // What has no time is listed as a whole by each look. Of what has one, the oldest come last, and must not be missed.
      if (!trace.timeField && found.length === MOST_LASTING) break;
    }
  } catch (error) {
    if (!trace.mayBeRefused || !isInvalid(error)) throw error;
  }
  return found.sort((a, b) => Number(a.at ?? 0) - Number(b.at ?? 0));
}

/** The client wraps what the server has answered. */
function isInvalid(error: unknown): boolean {
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) && cause.code === INVALID_ARGUMENT;
}

async function unknownOf(db: Db, runs: readonly Listed[], keyOf: Trace['keyOf']): Promise<Listed[]> {
  if (runs.length === 0 || !keyOf) return [...runs];
  const keys = runs.map(({ runId }) => keyOf(runId));
  const known = await db
    .selectFrom('audit_log')
    .select('event_key')
    .where('event_key', '=', sql<string>`any(${keys}::text[])`)
    .execute();
  const names = new Set(known.map(({ event_key }) => event_key));
  return runs.filter(({ runId }) => !names.has(keyOf(runId)));
}

import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { JsonObject } from '../../postgres/schema/json.js';
import { PRIORITIES } from '../../priority.js';
import type { Measured } from './measure.js';

/** One is kept for each interval of so many seconds: 5,760 a day, of about a kilobyte. */
export const SAMPLE_SECONDS = 15;
/** And for so many days. */
export const SAMPLE_DAYS = 3;

/** The numbers of one moment, for charts. */
export function sampleOf({ queues, providers, flow, calls, dead_letters }: Measured) {
  const callsOf = new Map(calls.map(({ provider, ...rest }) => [provider, rest]));
  return {
    queues: Object.fromEntries(
      queues.map(({ priority, pauses: _, admitting_providers, priority: __, ...numbers }) => [
        priority,
        { ...numbers, admitting: admitting_providers.length },
      ]),
    ),
    flow: Object.fromEntries(
      PRIORITIES.map((priority) => {
        const { handed_over_per_min, accepted_per_min } = flow[priority];
        return [priority, { handed_over_per_min, accepted_per_min }];
      }),
    ),
    providers: Object.fromEntries(
      providers
        .filter(({ configured }) => configured)
        .map(({ provider, breaker, forced, enabled, used_today }) => [
          provider,
          { state: enabled ? (forced ?? breaker.state) : 'off', used_today, ...callsOf.get(provider) },
        ]),
    ),
    dead_letters: dead_letters.waiting,
  };
}

const INTERVAL = sql`make_interval(secs => ${SAMPLE_SECONDS})`;
const NOW = sql<Date>`date_bin(${INTERVAL}, now(), 'epoch')`;

/** Whether the present interval has none yet: of several dispatchers one has to measure. */
export async function isSampleDue(db: Db): Promise<boolean> {
  const row = await db.selectFrom('samples').select('at').where('at', '=', NOW).executeTakeFirst();
  return !row;
}

/** Keeps what was measured as the present interval's, unless there is one. */
export async function keepSample(db: Db, measured: Measured): Promise<void> {
  await db
    .insertInto('samples')
    .values({ at: NOW, sample: JSON.stringify(sampleOf(measured)) })
    .onConflict((conflict) => conflict.column('at').doNothing())
    .execute();
}

/** What is no longer kept, for a `where`. */
export const OLD_SAMPLES = sql`at < now() - make_interval(days => ${SAMPLE_DAYS})`;

export interface KeptSample {
  readonly at: Date;
  readonly sample: JsonObject;
}

/**
 * How it stood from one moment to another, the oldest first: every sample, or, when those are more than `most`, the last
 * one of each of so many equal parts.
 */
export async function readSamples(db: Db, from: Date, to: Date, most: number): Promise<KeptSample[]> {
  const seconds = (to.getTime() - from.getTime()) / 1_000;
  const part = Math.max(SAMPLE_SECONDS, Math.ceil(seconds / most / SAMPLE_SECONDS) * SAMPLE_SECONDS);
  const { rows } = await sql<KeptSample>`
    select distinct on (part) at, sample from (
      select date_bin(make_interval(secs => ${part}), at, 'epoch') as part, at, sample from samples
      where at >= ${from} and at < ${to}) as kept
    order by part, at desc`.execute(db);
  return rows;
}

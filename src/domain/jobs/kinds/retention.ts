import { monthBounds } from '../../../postgres/months.js';
import type { Retained } from '../../../postgres/schema.js';
import type { Trx } from '../../../postgres/transaction.js';
import { type Periods, readPeriodsOf } from '../../retention/periods.js';
import { planRetention } from '../../retention/plan.js';
import { walkOn } from '../../retention/walk.js';
import { done, type JobKind, type StepResult, skipped } from '../kind.js';
import { type DropMonthParameters, whatKeeps } from './drop-month.js';

/** Removes what is older than it is kept: contents, then records. Dispatchers begin it, once a day. */
export interface RetentionParameters {
  /** For clients that say nothing of their own. */
  readonly configured: Periods;
}

const configuredIn = (parameters: unknown) => (parameters as RetentionParameters).configured;

/** An item is `content CLIENT`, `record CLIENT` with or without a month to stop at, or `month YYYYMM`. */
export const retention: JobKind = {
  async plan({ db }, { parameters }) {
    const isKept = async (month: string) => (await whatKeeps(db, month)) !== undefined;
    const { walks, dropMonth } = await planRetention(db, configuredIn(parameters), isKept);
    const targets = walks.map(({ what, clientId, untilMonth }) =>
      [what, clientId, untilMonth].filter(Boolean).join(' '),
    );
    if (dropMonth) targets.push(`month ${dropMonth}`);
    return { items: targets.map((target) => ({ target })), next: null };
  },

  async prepare({ db }, { parameters }, { target }) {
    const [what, clientId, untilMonth] = target.split(' ') as [Retained | 'month', string, string?];
    if (what === 'month') return 'ready';
    // As it is by now: whoever lengthens a period while this runs is heeded.
    const days = (await readPeriodsOf(db, clientId, configuredIn(parameters)))?.[what] ?? null;
    if (days === null) return 'ready';
    const before = untilMonth && monthBounds(untilMonth).next;
    const { more } = await walkOn(db, { clientId, what, days, before });
    return more ? 'again' : 'ready';
  },

  async step(trx, _context, _job, { target }) {
    const [what, month] = target.split(' ');
    return what === 'month' ? beginDrop(trx, month!) : done;
  },
};

/** Its own job, which can be seen and stopped by itself. */
async function beginDrop(trx: Trx, month: string): Promise<StepResult> {
  if (await whatKeeps(trx, month)) return skipped('kept');
  const earlier = await trx
    .selectFrom('jobs')
    .select('parameters')
    .where('kind', '=', 'drop_month')
    .where('state', 'in', ['planning', 'running', 'stopped'])
    .execute();
  if (earlier.some(({ parameters }) => parameters.month === month)) return skipped('job_exists');
  const parameters: DropMonthParameters = { month };
  await trx
    .insertInto('jobs')
    .values({ kind: 'drop_month', parameters: { ...parameters }, reason: 'retention', rate_per_s: 10 })
    .execute();
  return done;
}

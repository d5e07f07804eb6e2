import { z } from 'zod';
import { priority, uuid } from '../fields.js';
import { countOf, listOf, moment } from '../routing/answers.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How much time one answer covers at most: so many periods for each priority, and for each client if that is asked. */
const MOST_MS = { hour: 31 * DAY_MS, day: 400 * DAY_MS, month: 1_100 * DAY_MS };

/** Nothing was sent before; far from the ends of what a Date, and PostgreSQL, can write. */
const EARLIEST = Date.UTC(2000, 0, 1);

const time = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .refine((at) => at.getTime() >= EARLIEST, { error: 'is before 2000' });

export const serviceLevelQuery = z
  .strictObject({
    from: time.optional().describe('First deadlines at or after this hour; 24 hours before `to`.'),
    to: time.optional().describe('First deadlines before this; the end of the current hour.'),
    by: z.enum(['hour', 'day', 'month']).default('hour').describe('How long a period is; in UTC.'),
    priority: priority.optional(),
    client: uuid.optional().describe('Only this client’s.'),
    per_client: z.enum(['true', 'false']).default('false').describe('A row for each client.'),
    target: z.coerce
      .number()
      .min(0)
      .max(100)
      .optional()
      .describe('The objective, in percent; `SERVICE_LEVEL_TARGET` when it is left out.'),
  })
  .transform(({ per_client, ...query }) => {
    const to = query.to ?? new Date((Math.floor(Date.now() / HOUR_MS) + 1) * HOUR_MS);
    return { ...query, to, from: query.from ?? new Date(to.getTime() - DAY_MS), perClient: per_client === 'true' };
  })
  .refine(({ from, to }) => from < to, { path: ['from'], error: 'must be before "to"' })
  .refine(({ from, to, by }) => to.getTime() - from.getTime() <= MOST_MS[by], {
    path: ['by'],
    error: 'is too short a period for so much time: at most 31 days by hour, 400 by day, 1100 by month',
  });

const counts = {
  in_time: countOf('Taken by a provider by their first deadline.'),
  late: countOf('Taken later, or past their first deadline and not taken yet.'),
  late_by_pause: countOf('The same, and in time but for pauses and holds.'),
  dead: countOf('Never taken: past their retries.'),
  failed: countOf('Never taken: refused for good.'),
  suppressed: countOf('Never taken: the address is suppressed.'),
  cancelled: countOf('Never taken: cancelled.'),
  pending: countOf('Not taken yet, and their first deadline is still to come.'),
  still_waiting: countOf('Of `late` and `late_by_pause`: not taken yet.'),
  measured: countOf('`in_time`, `late` and `dead` together: what the objective is about.'),
  attainment_percent: z.number().nullable().describe('`in_time` of `measured`; null when none is measured.'),
  budget: countOf('How many of `measured` the objective lets miss.'),
  budget_left: z.int().describe('What `late` and `dead` leave of it; negative when it is overdrawn.'),
};

export const serviceLevels = z
  .object({
    as_of: moment,
    from: moment,
    to: moment,
    counted_from: moment.describe('E-mails with an earlier first deadline are not counted.'),
    target_percent: z.number(),
    totals: listOf(z.object({ priority, ...counts })),
    periods: listOf(
      z.object({
        from: moment,
        priority,
        client_id: z.uuid().nullable().describe('Null: all clients together.'),
        ...counts,
      }),
    ),
    latest: listOf(
      z.object({
        id: z.uuid(),
        priority,
        client_id: z.uuid(),
        late_s: z.number().describe('Behind the first deadline, in seconds.'),
        late_by_pause: z.boolean(),
        waiting: z.boolean().describe('No provider has it yet.'),
      }),
    ).describe('The e-mails that were, or are, the most behind: twenty at most.'),
  })
  .meta({ id: 'ServiceLevels' });

import { attain } from '../../domain/service-levels/objective.js';
import {
  countedFrom,
  findLatest,
  readServiceLevels,
  type ServiceLevel,
  type ServiceLevelCounts,
} from '../../domain/service-levels/report.js';
import { PRIORITIES } from '../../priority.js';
import { route } from '../routing/route.js';
import { serviceLevelQuery, serviceLevels } from './schema.js';

const LATEST = 20;

const NOTHING: ServiceLevelCounts & Pick<ServiceLevel, 'still_waiting'> = {
  in_time: 0,
  late: 0,
  late_by_pause: 0,
  dead: 0,
  failed: 0,
  suppressed: 0,
  cancelled: 0,
  pending: 0,
  still_waiting: 0,
};
const KINDS = Object.keys(NOTHING) as (keyof typeof NOTHING)[];

function sum(levels: readonly ServiceLevel[]) {
  const total = { ...NOTHING };
  for (const level of levels) for (const kind of KINDS) total[kind] += level[kind];
  return total;
}

const getServiceLevels = route({
  method: 'get',
  path: '/api/admin/service-levels',
  operationId: 'getServiceLevels',
  summary: 'How many e-mails a provider had in time, to the e-mail',
  description:
    'An e-mail counts once, in the hour of its first deadline: by when a provider first had it, whatever was retried ' +
    'since. One that is past its deadline and waits counts as late already.',
  tag: 'Administration',
  access: { scope: null, role: 'viewer' },
  query: serviceLevelQuery,
  answer: {
    status: 200,
    description: 'The oldest period first; those without e-mails are left out.',
    schema: serviceLevels,
  },
  handle: async ({ query: { target, ...query } }, ctx, { db, serviceLevelTarget }) => {
    const target_percent = target ?? serviceLevelTarget;
    const as_of = new Date();
    const [periods, latest, counted_from] = await Promise.all([
      readServiceLevels(db, query),
      findLatest(db, query, LATEST),
      countedFrom(db),
    ]);
    const totals = PRIORITIES.filter((each) => !query.priority || each === query.priority).map((priority) => {
      const counts = sum(periods.filter((period) => period.priority === priority));
      return { priority, ...counts, ...attain(counts, target_percent) };
    });
    ctx.set('Cache-Control', 'no-store');
    return {
      as_of,
      from: query.from,
      to: query.to,
      counted_from,
      target_percent,
      totals,
      periods: periods.map((period) => ({ ...period, ...attain(period, target_percent) })),
      latest,
    };
  },
});

export const serviceLevelRoutes = [getServiceLevels];

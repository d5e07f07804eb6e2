import { sql } from 'kysely';
import { RECENT_MINUTES } from '../../domain/samples/recent-calls.js';
import { SAMPLE_DAYS } from '../../domain/samples/samples.js';
import type { Db } from '../../postgres/database.js';
import { PRIORITIES } from '../../priority.js';

/** From when until when samples are made, in hours before now, and how far they are apart; charts show no more. */
const SPANS = [
  { fromH: SAMPLE_DAYS * 24, untilH: 1, stepS: 300 },
  { fromH: 1, untilH: 0, stepS: 30 },
] as const;

/**
 * Makes the samples that a dispatcher would have kept while the e-mails that are there were sent: what waited, what
 * providers did, how many dead letters there were. Rates are not known. What was kept already stays.
 *
 * @returns how many.
 */
export async function seedSamples(db: Db): Promise<number> {
  let made = 0;
  for (const span of SPANS) made += await makeSamples(db, span);
  return made;
}

async function makeSamples(db: Db, { fromH, untilH, stepS }: (typeof SPANS)[number]): Promise<number> {
  const step = sql`make_interval(secs => ${stepS})`;
  const from = sql`date_bin(${step}, now() - make_interval(hours => ${fromH}), 'epoch')`;
  // The moments of the series at which something lasted: from its begin to its end.
  const moments = (begin: string, end: ReturnType<typeof sql>) =>
    sql`generate_series(date_bin(${step}, ${sql.ref(begin)}, 'epoch') + ${step}, ${end}, ${step}) as at`;
  const { numAffectedRows } = await sql`
    with waiting as materialized (
      select at, priority, count(*) as n from emails cross join lateral ${moments('due_at', sql`dispatched_at`)}
      where due_at >= ${from} and dispatched_at is not null group by 1, 2),
    calls as materialized (
      select at, provider, jsonb_build_object('state', 'closed',
        'accepted', count(*) filter (where state = 'accepted'),
        'refused', count(*) filter (where state in ('refused', 'rejected')),
        'unknown', count(*) filter (where state in ('ambiguous', 'abandoned')),
        'median_ms', round(percentile_cont(0.5) within group (order by took_ms)),
        'p95_ms', round(percentile_cont(0.95) within group (order by took_ms))) as numbers
      from (select *, extract(epoch from finished_at - started_at) * 1000 as took_ms from send_attempts) as call
        cross join lateral ${moments('started_at', sql`started_at + make_interval(mins => ${RECENT_MINUTES})`)}
      where started_at >= ${from} group by 1, 2)
    insert into samples (at, sample)
    select m.at, jsonb_build_object(
      'queues', (select jsonb_object_agg(p.priority, jsonb_build_object('waiting', coalesce(w.n, 0), 'paused', false))
        from unnest(${[...PRIORITIES]}::text[]) as p (priority)
          left join waiting w on w.at = m.at and w.priority = p.priority),
      'flow', '{}'::jsonb,
      'providers', coalesce((select jsonb_object_agg(c.provider, c.numbers) from calls c where c.at = m.at), '{}'),
      'dead_letters', (select count(*) from dead_emails
        where died_at <= m.at and (resolved_at is null or resolved_at > m.at)))
    from generate_series(${from}, now() - make_interval(hours => ${untilH}), ${step}) as m (at)
    on conflict (at) do nothing`.execute(db);
  return Number(numAffectedRows);
}

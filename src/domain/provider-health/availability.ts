import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Database } from '../../postgres/schema.js';
import { compileOnce } from '../../postgres/statements/compile-once.js';
import { PRIORITIES, type Priority, perPriority } from '../../priority.js';
import { usedToday } from './calls.js';
import { DAY_SHARE, rampPerS, TRIED_AFTER_S } from './reserve-call.js';

/** What the providers together would take of a priority now; the dispatcher asks before it starts anything. */
interface Availability {
  /** `trial`: none admits, but one may be tried with a single e-mail. */
  readonly gate: 'open' | 'trial' | 'none';
  /** The providers that `gate` speaks of. */
  readonly providers: readonly ProviderName[];
  /** Calls a second that their rates allow; infinite when one has none. */
  readonly ratePerS: number;
}

/** Picks a priority's figure in SQL, for the priority that an expression gives. */
function byPriority(priority: RawBuilder<unknown>, figures: Readonly<Record<Priority, number>>) {
  const cases = PRIORITIES.map((name) => sql`when ${sql.lit(name)} then ${sql.lit(figures[name])}`);
  return sql`(case ${priority} ${sql.join(cases, sql` `)} end)::float8`;
}

const isUsable = (priority: RawBuilder<unknown>) => sql`(c.enabled and c.forced is distinct from 'open'
  and not case when c.per_day is null then false
    else ${usedToday('h')} >= floor(c.per_day * ${byPriority(priority, DAY_SHARE)}) end)`;

/** Whether a provider admits e-mails of a priority; for `provider_health h` and `provider_controls c`. */
const isAvailable = (priority: RawBuilder<unknown>) =>
  sql<boolean>`(${isUsable(priority)} and (h.state <> 'open' or c.forced = 'closed'))`;

/** Whether an e-mail may be tried there though its breaker is open. */
const mayBeTried = (priority: RawBuilder<unknown>) =>
  sql<boolean>`(${isUsable(priority)} and h.state = 'open' and coalesce(
    h.trial_at <= clock_timestamp() - make_interval(secs => ${byPriority(priority, TRIED_AFTER_S)}), false))`;

/** One e-mail is tried at a provider at most so often while no provider admits: each trial adds some twenty events to its history. */
const TRIED_AGAIN_AFTER_S = 30 * 60;

/** The columns of an e-mail in a statement. */
interface EmailColumns {
  readonly id: RawBuilder<unknown>;
  readonly generation: RawBuilder<unknown>;
  readonly priority: RawBuilder<unknown>;
}

/**
 * Whether an e-mail has been tried lately at a provider, in the time without one that its priority is in.
 *
 * @param lastTry when it was tried there last; null: never.
 */
const triedLately = (priority: RawBuilder<unknown>, lastTry: RawBuilder<unknown>) => sql<boolean>`exists (
  select from send_stops s
  where s.priority = ${priority} and s.cause = 'no_provider' and s.until_at is null
    and ${lastTry} > greatest(s.from_at, now() - make_interval(secs => ${sql.lit(TRIED_AGAIN_AFTER_S)})))`;

/**
 * Whether one of the providers that an e-mail awaits and that may be tried has not met it lately: a provider that is down
 * must not keep it from the next one, whose probes alone may fail.
 */
export const hasUntried = (
  { id, generation, priority }: EmailColumns,
  awaited: RawBuilder<unknown>,
  behind: readonly ProviderName[],
) => {
  const lastTry = sql`(select max(t.started_at) from send_attempts t
    where t.email_id = ${id} and t.generation = ${generation} and t.provider = awaited.provider)`;
  return sql<boolean>`exists (select from unnest(${awaited}) as awaited (provider)
    where awaited.provider = any(${[...behind]}::text[]) and not ${triedLately(priority, lastTry)})`;
};

/**
 * Names of the providers that an e-mail may go to now, as far as breakers, switches, quotas and its own trials say.
 *
 * @param priority the e-mail's.
 * @param tries its attempts, as an expression of two lists: their providers, and when they were made.
 */
export const availableProviders = (
  priority: RawBuilder<unknown>,
  tries: { readonly providers: RawBuilder<unknown>; readonly startedAt: RawBuilder<unknown> },
) => {
  const lastTry = sql`(select max(t.at) from unnest(${tries.providers}, ${tries.startedAt}) as t (provider, at)
    where t.provider = h.provider)`;
  return sql<ProviderName[]>`array(
    select h.provider from provider_health h join provider_controls c on c.provider = h.provider
    where case when ${isAvailable(priority)} then true
      when ${mayBeTried(priority)} then not ${triedLately(priority, lastTry)} else false end)`;
};

/** Reads breakers, switches and quotas of the providers; takes nothing. */
export async function readAvailability(
  db: Kysely<Database>,
  providers: readonly ProviderName[],
  priority: Priority,
): Promise<Availability> {
  const rows = await readOf[priority](db, { providers });
  const admitting = rows.filter((row) => row.admitting);
  const behind = admitting.length > 0 ? admitting : rows.filter((row) => row.to_be_tried);
  const rate = (perS: number | null) => perS ?? Number.POSITIVE_INFINITY;
  return {
    gate: admitting.length > 0 ? 'open' : behind.length > 0 ? 'trial' : 'none',
    providers: behind.map(({ provider }) => provider),
    ratePerS: behind.reduce((sum, row) => sum + Math.min(rate(row.rate_per_s), rate(row.ramp_per_s)), 0),
  };
}

const readOf = perPriority((priority) => {
  const of = sql.lit(priority);
  return compileOnce((db, { providers }: { providers: readonly ProviderName[] }) =>
    db
      .selectFrom('provider_health as h')
      .innerJoin('provider_controls as c', 'c.provider', 'h.provider')
      .select(['h.provider', 'c.rate_per_s', rampPerS.as('ramp_per_s')])
      .select([isAvailable(of).as('admitting'), mayBeTried(of).as('to_be_tried')])
      .where(sql<boolean>`h.provider = any(${providers}::text[])`),
  );
});

import { sql } from 'kysely';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import type { ProviderName } from '../../config.js';
import { keepHouse } from '../../dispatcher/housekeeping.js';
import type { Priority } from '../../priority.js';
import { askPermission } from '../attempts/permission.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { readAvailability } from './availability.js';
import { changeProvider, readProviders } from './switches.js';

let database: TestDatabase;
beforeEach(async () => {
  await database?.drop();
  database = await createTestDatabase({ poolSize: 20 });
});
afterAll(() => database.drop());

/** One call to a provider, of an e-mail of its own. */
async function call(priority: Priority = 'low', provider: ProviderName = 'mailgun') {
  const emailId = await insertQueuedEmail(database.db, { priority });
  const request = { emailId, generation: 1, provider, dispatchedAtMs: Date.now() };
  return askPermission(database.db, { ...request, callTimeoutMs: 5_000, lifetimeMs: 3_600_000 }, SHIPPED_STATUSES);
}
const calls = async (count: number, priority?: Priority, provider?: ProviderName) => {
  const asked = await Promise.all(Array.from({ length: count }, () => call(priority, provider)));
  return asked.filter(({ kind }) => kind === 'granted').length;
};
const usedToday = async (name: ProviderName = 'mailgun') =>
  (await readProviders(database.db, [])).find(({ provider }) => provider === name)!.used_today;
const limit = (per_day: number | null) => changeProvider(database.db, 'mailgun', { per_day, reason: 'test' });
const makeYesterday = () =>
  Promise.all([
    sql`update provider_calls set day = day - 1`.execute(database.db),
    sql`update provider_health set day = day - 1`.execute(database.db),
  ]);

describe('what is used of a provider today', () => {
  it('counts every call, whether a limit is set or not, of each provider', async () => {
    expect(await calls(30)).toBe(30);
    expect(await calls(7, 'critical', 'mandrill')).toBe(7);
    expect([await usedToday(), await usedToday('mandrill'), await usedToday('smtp')]).toEqual([30, 7, 0]);
    await limit(1_000);
    expect(await calls(5)).toBe(5);
    await limit(null);
    await changeProvider(database.db, 'mailgun', { rate_per_s: 10_000, reason: 'test' });
    await call('critical');
    await changeProvider(database.db, 'mailgun', { rate_per_s: null, reason: 'test' });
    await call();
    expect(await usedToday()).toBe(37);
  });

  it('counts a call that is let through to an open breaker', async () => {
    await sql`update provider_health set state = 'open', trial_at = now() - interval '1 hour',
      opened_at = now() - interval '1 hour'`.execute(database.db);
    expect(await calls(1)).toBe(1);
    expect(await usedToday()).toBe(1);
  });

  it('does not count what is refused, nor the calls of yesterday, which are forgotten in time', async () => {
    await calls(3);
    await limit(3);
    expect(await call('critical')).toMatchObject({ kind: 'not_admitted', code: 'quota_used_up' });
    expect(await usedToday()).toBe(3);
    await makeYesterday();
    expect(await usedToday()).toBe(0);
    expect(await calls(1)).toBe(1);
    await sql`update provider_calls set day = day - 100`.execute(database.db);
    await keepHouse(database.db, { webhooksDays: 90, auditDays: 400 });
    expect(await database.db.selectFrom('provider_calls').selectAll().execute()).toEqual([]);
  });

  it('is what a quota set at noon begins with', async () => {
    await calls(40);
    expect(await readAvailability(database.db, ['mailgun'], 'low')).toMatchObject({ gate: 'open' });
    await limit(50);
    // Low may use up 45 of 50.
    expect(await calls(20, 'low')).toBe(5);
    expect(await readAvailability(database.db, ['mailgun'], 'low')).toMatchObject({ gate: 'none' });
    expect(await calls(20, 'critical')).toBe(5);
    expect(await call('critical')).toMatchObject({ kind: 'not_admitted', code: 'quota_used_up' });
    expect(await usedToday()).toBe(50);
  });

  it('below what was used already refuses at once', async () => {
    await calls(20);
    await limit(10);
    expect(await call('critical')).toMatchObject({ kind: 'not_admitted', code: 'quota_used_up' });
  });
});

describe('a rate that is changed', () => {
  const rate = (rate_per_s: number | null) => changeProvider(database.db, 'mailgun', { rate_per_s, reason: 'test' });
  /** As a release before this one could leave it. */
  const reserveForYears = () =>
    sql`update provider_health set next_call_at = now() + interval '31 years'`.execute(database.db);

  it('counts from now: what a far lower one has reserved is forgotten', async () => {
    await rate(0.01);
    expect(await calls(1)).toBe(1);
    expect(await call('critical')).toMatchObject({ kind: 'not_admitted', code: 'rate_limited' });
    await rate(20);
    expect(await call('critical')).toMatchObject({ kind: 'granted' });
  });

  it.each([20, null])('to %s lets calls through that waited for years', async (to) => {
    await sql`update provider_controls set rate_per_s = 1e-9`.execute(database.db);
    await reserveForYears();
    expect(await call('critical')).toMatchObject({ kind: 'not_admitted', code: 'rate_limited' });
    await rate(to);
    expect(await call('critical')).toMatchObject({ kind: 'granted' });
  });

  it('to a lower one lets nobody wait for longer than one step of it', async () => {
    await rate(20);
    await reserveForYears();
    await rate(0.5);
    const { next_call_at } = await database.db
      .selectFrom('provider_health')
      .select('next_call_at')
      .where('provider', '=', 'mailgun')
      .executeTakeFirstOrThrow();
    expect(next_call_at.getTime() - Date.now()).toBeLessThanOrEqual(2_000);
  });

  it('is left alone by a change of something else', async () => {
    await rate(0.01);
    await calls(1);
    await changeProvider(database.db, 'mailgun', { per_day: 1_000, reason: 'test' });
    expect(await call('critical')).toMatchObject({ kind: 'not_admitted', code: 'rate_limited' });
  });
});

import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { PRIORITIES } from '../../priority.js';
import { changeProvider, readProviders } from '../provider-health/switches.js';
import { noteForeignPause, pause, readQueueControls, resume } from './pauses.js';
import { dispatchBatch } from './queue.js';

let database: TestDatabase;
beforeEach(async () => {
  await database?.drop();
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const control = async (priority: string) =>
  (await readQueueControls(database.db)).find((each) => each.priority === priority)!;
const stops = () =>
  database.db
    .selectFrom('send_stops')
    .select(['priority', 'from_at', 'until_at'])
    .where('cause', '=', 'paused')
    .orderBy('from_at')
    .execute();
const dispatch = () => {
  const options = { limit: 10, checkAfterMs: 60_000, providers: ['mailgun' as const] };
  return dispatchBatch(database.db, 'low', options, async (emails) => emails.map((email) => email.emailId));
};

describe('a pause', () => {
  it('is shown with its reason and its time, for the priorities it names only', async () => {
    await pause(database.db, ['low', 'medium'], 'provider asked us to');
    expect(await control('low')).toMatchObject({ reason: 'provider asked us to', pausedAt: expect.any(Date) });
    expect(await control('medium')).toMatchObject({ pausedAt: expect.any(Date) });
    expect(await control('critical')).toMatchObject({ pausedAt: null, temporalPausedAt: null });
  });

  it('stops dispatching until it is taken back', async () => {
    await insertQueuedEmail(database.db, { priority: 'low' });
    await pause(database.db, ['low'], 'test');
    expect(await dispatch()).toMatchObject({ started: [], more: false });
    await resume(database.db, ['low']);
    expect((await dispatch()).started).toHaveLength(1);
  });

  it('is one stop for the lifetimes, from its beginning to its end, however often it is repeated', async () => {
    await pause(database.db, ['low'], 'first');
    const [begun] = await stops();
    await pause(database.db, ['low'], 'second');
    expect(await control('low')).toMatchObject({ reason: 'second', pausedAt: begun!.from_at });
    expect(await stops()).toEqual([{ priority: 'low', from_at: begun!.from_at, until_at: null }]);
    await resume(database.db, ['low']);
    await resume(database.db, ['low']);
    const ended = await stops();
    expect(ended).toHaveLength(1);
    expect(ended[0]!.until_at!.getTime()).toBeGreaterThanOrEqual(begun!.from_at.getTime());
  });

  it('by many operators at once, on and off, never leaves two stops open or a stop without a pause', async () => {
    const one = async (n: number) => {
      const priorities = n % 2 ? [...PRIORITIES] : [...PRIORITIES].reverse();
      await pause(database.db, priorities, `operator ${n}`);
      await resume(database.db, priorities);
    };
    await Promise.all(Array.from({ length: 8 }, (_, n) => one(n)));
    const all = await stops();
    expect(all.filter((stop) => stop.until_at === null || stop.until_at < stop.from_at)).toEqual([]);
    for (const priority of PRIORITIES) {
      const times = all.filter((stop) => stop.priority === priority).flatMap((stop) => [stop.from_at, stop.until_at!]);
      expect(times).toEqual([...times].sort((a, b) => a.getTime() - b.getTime()));
    }
  });
});

describe('a pause made in Temporal alone', () => {
  it('stops dispatching and lifetimes, and outlasts a resume of ours', async () => {
    await insertQueuedEmail(database.db, { priority: 'low' });
    await noteForeignPause(database.db, 'low', { reason: null, since: null });
    await resume(database.db, ['low']);
    expect(await dispatch()).toMatchObject({ started: [] });
    expect(await stops()).toMatchObject([{ priority: 'low', until_at: null }]);
    await noteForeignPause(database.db, 'low', null);
    expect((await dispatch()).started).toHaveLength(1);
    expect(await stops()).toMatchObject([{ until_at: expect.any(Date) }]);
  });

  it('that was found late counts from when it was made', async () => {
    const since = new Date(Date.now() - 3_600_000);
    await noteForeignPause(database.db, 'low', { reason: 'maintenance', since });
    expect(await control('low')).toMatchObject({ temporalPausedAt: since, temporalReason: 'maintenance' });
    expect((await stops())[0]!.from_at).toEqual(since);
  });

  it('takes over from ours without a gap, and never counts the same time twice', async () => {
    await pause(database.db, ['low'], 'test');
    await noteForeignPause(database.db, 'low', { reason: null, since: new Date() });
    await resume(database.db, ['low']);
    expect(await stops()).toMatchObject([{ until_at: null }]);
    await noteForeignPause(database.db, 'low', null);
    await noteForeignPause(database.db, 'low', { reason: null, since: new Date(Date.now() - 60_000) });
    const [first, second] = await stops();
    expect(second!.from_at.getTime()).toBeGreaterThanOrEqual(first!.until_at!.getTime());
  });
});

describe('the switches of a provider', () => {
  it('change only what is named, and say why', async () => {
    await changeProvider(database.db, 'mailgun', { rate_per_s: 20, per_day: 1_000, reason: 'new plan' });
    await changeProvider(database.db, 'mailgun', { enabled: false, forced: 'open', reason: 'outage' });
    const [mailgun, mandrill] = await readProviders(database.db, ['mailgun']);
    expect(mailgun).toMatchObject({
      provider: 'mailgun',
      configured: true,
      enabled: false,
      forced: 'open',
      rate_per_s: 20,
      per_day: 1_000,
      reason: 'outage',
      breaker: { state: 'closed', failures: 0, misconfigured: false },
      used_today: 0,
      blocked_domains: [],
    });
    expect(mandrill).toMatchObject({ provider: 'mandrill', enabled: true, forced: null, rate_per_s: null });
    await changeProvider(database.db, 'mailgun', { forced: null, rate_per_s: null, reason: 'over' });
    expect((await readProviders(database.db, []))[0]).toMatchObject({ forced: null, rate_per_s: null, per_day: 1_000 });
  });
});

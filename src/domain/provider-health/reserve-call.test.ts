import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import type { ProviderName } from '../../config.js';
import type { Priority } from '../../priority.js';
import { readAvailability } from './availability.js';
import { blockSenderDomain, noteFailure, noteSuccess, type ProviderFailure } from './breaker.js';
import { type CallReservation, readStanding, reserveCall } from './reserve-call.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ poolSize: 20 });
});
afterAll(() => database.drop());
beforeEach(async () => {
  await sql`update provider_health set state = 'closed', failures = 0, openings = 0, probe_at = null, opened_at = null,
    probed_at = null, trial_at = null, hold_until = '-infinity', closed_at = null, misconfigured = false, next_call_at = '-infinity', day = null, used_today = 0`.execute(
    database.db,
  );
  await database.db.deleteFrom('provider_calls').execute();
  await sql`update provider_controls set enabled = true, forced = null, rate_per_s = null, per_day = null`.execute(
    database.db,
  );
});

const reserveAt = (provider: ProviderName, priority: Priority, domain: string): Promise<CallReservation> =>
  database.db
    .transaction()
    .execute(async (trx) => reserveCall(trx, provider, priority, domain, await readStanding(trx, provider)));
const ask = (priority: Priority = 'low', domain = 'example.com'): Promise<CallReservation> =>
  reserveAt('mailgun', priority, domain);
const fail = (failure: Partial<ProviderFailure> = {}) =>
  database.db
    .transaction()
    .execute((trx) =>
      noteFailure(trx, 'mailgun', { kind: 'unavailable', code: 'http_503', startedAt: new Date(), ...failure }),
    );
const succeed = (startedAt = new Date()) =>
  database.db.transaction().execute((trx) => noteSuccess(trx, 'mailgun', startedAt));
const health = () =>
  database.db.selectFrom('provider_health').selectAll().where('provider', '=', 'mailgun').executeTakeFirstOrThrow();
const control = (set: Record<string, unknown>) =>
  database.db.updateTable('provider_controls').set(set).where('provider', '=', 'mailgun').execute();
const open = async () => {
  for (let n = 0; n < 5; n++) await fail();
  expect((await health()).state).toBe('open');
};
const letTimePass = (seconds: number) =>
  sql`update provider_health set probe_at = probe_at - make_interval(secs => ${seconds}),
    probed_at = probed_at - make_interval(secs => ${seconds}),
    trial_at = trial_at - make_interval(secs => ${seconds}),
    hold_until = hold_until - make_interval(secs => ${seconds}),
    opened_at = opened_at - make_interval(secs => ${seconds}),
    closed_at = closed_at - make_interval(secs => ${seconds})`.execute(database.db);

describe('the breaker of a provider', () => {
  it('opens after five failures in a row, and not after four and a success', async () => {
    for (let n = 0; n < 4; n++) await fail();
    await succeed();
    for (let n = 0; n < 4; n++) await fail();
    expect(await ask()).toMatchObject({ reserved: true, noted: true });
    await fail();
    expect(await ask()).toMatchObject({ reserved: false, code: 'breaker_open' });
  });

  it('opens at the first failure that blames our account, and says so', async () => {
    await fail({ kind: 'misconfigured', code: 'http_401' });
    expect(await health()).toMatchObject({ state: 'open', misconfigured: true, last_code: 'http_401' });
  });

  it('opens for as long as a provider asks', async () => {
    await fail({ kind: 'throttled', code: 'http_429', retryAfterMs: 120_000 });
    await letTimePass(100);
    expect(await ask()).toMatchObject({ reserved: false });
    await letTimePass(30);
    expect(await ask()).toMatchObject({ reserved: true });
  });

  it('once open lets one e-mail a minute be tried, whoever asks how often', async () => {
    await open();
    await letTimePass(59);
    expect(await ask()).toMatchObject({ reserved: false });
    await letTimePass(1);
    const asked = await Promise.all(Array.from({ length: 15 }, () => ask()));
    expect(asked.filter((one) => one.reserved)).toHaveLength(1);
    await letTimePass(50);
    expect(await ask()).toMatchObject({ reserved: false });
    await letTimePass(10);
    expect(await ask()).toMatchObject({ reserved: true });
  });

  it('is of no matter years after it was open, and still open after years', async () => {
    const years = 10 * 365 * 86_400;
    await open();
    await letTimePass(years);
    expect(await ask('critical')).toMatchObject({ reserved: true });
    await succeed();
    await letTimePass(60);
    await succeed();
    expect(await health()).toMatchObject({ state: 'closed' });
    await letTimePass(years);
    expect(await ask()).toMatchObject({ reserved: true, noted: false });
    await open();
    await letTimePass(-years);
    expect(await ask()).toMatchObject({ reserved: false, code: 'breaker_open', waitMs: 15_000 });
  });

  it('does not try a critical e-mail while others may be tried', async () => {
    await open();
    await letTimePass(80);
    expect(await ask('critical')).toMatchObject({ reserved: false });
    await letTimePass(30);
    expect(await ask('critical')).toMatchObject({ reserved: true });
  });

  it('waits twice as long after it opened again', async () => {
    await open();
    const first = (await health()).probe_at!.getTime() - (await health()).opened_at!.getTime();
    await letTimePass(60);
    await fail();
    const second = (await health()).probe_at!.getTime() - (await health()).opened_at!.getTime();
    expect(second / first).toBeCloseTo(2, 1);
  });

  it('is not kept open by failures of calls that began before it opened', async () => {
    const before = new Date(Date.now() - 1_000);
    await open();
    const { probe_at, openings } = await health();
    await fail({ startedAt: before });
    expect(await health()).toMatchObject({ probe_at, openings });
  });

  it('lets traffic back at a doubling rate after a good probe, then closes', async () => {
    await open();
    await letTimePass(61);
    await ask();
    await succeed();
    expect((await health()).state).toBe('half_open');
    const admitted = async () => {
      // Together: asked for one after the other, a slow machine might never be faster than the rate.
      const asked: CallReservation[] = await Promise.all(Array.from({ length: 40 }, () => ask()));
      return asked.filter((one) => one.reserved).length;
    };
    const begun = Date.now();
    const few = await admitted();
    // Two a second at first, twice as many with each second that passes; one or two of them may be saved up.
    const passedS = (Date.now() - begun) / 1_000;
    expect(few).toBeLessThanOrEqual(Math.ceil(2 + (2 ** (passedS + 1) - 2) / Math.LN2));
    expect(few).toBeLessThan(40);
    await letTimePass(11);
    await succeed();
    expect(await health()).toMatchObject({ state: 'closed', openings: 0 });
    expect(await admitted()).toBe(40);
  });

  it('is forced open and closed by an operator', async () => {
    await control({ forced: 'open' });
    expect(await ask()).toMatchObject({ reserved: false, code: 'breaker_forced_open' });
    await open();
    await control({ forced: 'closed' });
    expect(await ask()).toMatchObject({ reserved: true });
    await control({ forced: null, enabled: false });
    expect(await ask()).toMatchObject({ reserved: false, code: 'provider_disabled' });
  });

  it('lets every call through while an operator has closed it, also half open', async () => {
    await open();
    await letTimePass(61);
    await ask();
    await succeed();
    expect((await health()).state).toBe('half_open');
    await control({ forced: 'closed' });
    for (let n = 0; n < 40; n++) expect(await ask()).toMatchObject({ reserved: true });
    expect(await readAvailability(database.db, ['mailgun'], 'low')).toMatchObject({
      ratePerS: Number.POSITIVE_INFINITY,
    });
  });

  it('tells the dispatcher whether any provider admits', async () => {
    expect(await readAvailability(database.db, ['mailgun', 'mandrill'], 'low')).toMatchObject({ gate: 'open' });
    await open();
    expect(await readAvailability(database.db, ['mailgun', 'mandrill'], 'low')).toMatchObject({ gate: 'open' });
    expect(await readAvailability(database.db, ['mailgun'], 'low')).toMatchObject({ gate: 'none' });
    await letTimePass(60);
    expect(await readAvailability(database.db, ['mailgun'], 'low')).toMatchObject({
      gate: 'trial',
      providers: ['mailgun'],
    });
  });
});

describe('trouble tied to a sender domain', () => {
  it('blocks that domain at that provider, and nothing else', async () => {
    await database.db
      .transaction()
      .execute((trx) => blockSenderDomain(trx, 'mailgun', 'unsigned.example.com', 'rejected_unsigned'));
    expect(await ask('low', 'unsigned.example.com')).toMatchObject({ reserved: false, code: 'sender_domain_blocked' });
    expect(await ask('low', 'example.com')).toMatchObject({ reserved: true });
    const elsewhere = reserveAt('mandrill', 'low', 'unsigned.example.com');
    expect(await elsewhere).toMatchObject({ reserved: true });
  });
});

describe('a rate', () => {
  it('shared by many is never exceeded by more than 5 % in ten seconds, and critical is served first', async () => {
    // A second of it, with the ten seconds' allowance; on a slow machine as long as it takes to ask for more.
    const rate = 50;
    await control({ rate_per_s: rate });
    const admitted = { critical: 0, low: 0 };
    const asked = { critical: 0, low: 0 };
    const startedAt = Date.now();
    const caller = async (priority: 'critical' | 'low', everyMs: number) => {
      while (Date.now() - startedAt < 1_000 || admitted.low === asked.low) {
        asked[priority]++;
        if ((await ask(priority)).reserved) admitted[priority]++;
        await delay(everyMs);
      }
    };
    await Promise.all([caller('critical', 100), ...Array.from({ length: 8 }, () => caller('low', 1))]);
    const elapsedS = (Date.now() - startedAt) / 1_000;
    expect(admitted.critical + admitted.low).toBeLessThanOrEqual(rate * elapsedS + rate * 0.5);
    expect(admitted.critical).toBe(asked.critical);
    expect(admitted.low).toBeLessThan(asked.low);
  });

  it('says how long to wait, and a refusal is no failure', async () => {
    await control({ rate_per_s: 0.5 });
    expect(await ask()).toMatchObject({ reserved: true });
    const refused = await ask();
    expect(refused).toMatchObject({ reserved: false, code: 'rate_limited' });
    if (!refused.reserved) expect(refused.waitMs).toBeGreaterThan(1_000);
    expect(await health()).toMatchObject({ failures: 0, state: 'closed' });
  });
});

describe("a day's quota", () => {
  it('keeps its last tenth for medium and critical, and the last twentieth for critical', async () => {
    await control({ per_day: 100 });
    const use = async (priority: Priority) => {
      let used = 0;
      while ((await ask(priority)).reserved) used++;
      return used;
    };
    expect(await use('low')).toBe(90);
    expect(await use('medium')).toBe(5);
    expect(await use('critical')).toBe(5);
    expect(await ask('critical')).toMatchObject({ reserved: false, code: 'quota_used_up' });
    expect(await readAvailability(database.db, ['mailgun'], 'low')).toMatchObject({ gate: 'none' });
    await sql`update provider_health set day = current_date - 1`.execute(database.db);
    expect(await ask()).toMatchObject({ reserved: true });
  });
});

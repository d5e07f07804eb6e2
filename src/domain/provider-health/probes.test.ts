import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import type { ProviderName } from '../../config.js';
import { noteFailure, type ProviderFailure } from './breaker.js';
import { recordProbe, takeProbes } from './probes.js';
import { changeProvider } from './switches.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ poolSize: 20 });
});
afterAll(() => database.drop());
beforeEach(async () => {
  await sql`update provider_health set state = 'closed', failures = 0, openings = 0, probe_at = null, probed_at = null, failed_at = null,
    hold_until = '-infinity', trial_at = null, opened_at = null, closed_at = null, misconfigured = false`.execute(
    database.db,
  );
  await sql`update provider_controls set enabled = true, forced = null`.execute(database.db);
});

const CONFIGURED = ['mailgun', 'mandrill'] as const;
const ANSWERS = undefined;
const UNAVAILABLE = { kind: 'unavailable', code: 'http_503' } as const;

const fail = (provider: ProviderName, failure: Partial<ProviderFailure> = {}) =>
  database.db
    .transaction()
    .execute((trx) => noteFailure(trx, provider, { ...UNAVAILABLE, startedAt: new Date(), ...failure }));
const open = async (...providers: readonly ProviderName[]) => {
  for (const provider of providers) for (let n = 0; n < 5; n++) await fail(provider);
};
const due = async () => (await takeProbes(database.db, CONFIGURED)).map(({ provider }) => provider).sort();
const stateOf = async (provider: ProviderName) => {
  const health = database.db.selectFrom('provider_health').select('state').where('provider', '=', provider);
  return (await health.executeTakeFirstOrThrow()).state;
};
/** Makes the probe that is due and notes its answer. */
const probe = async (provider: ProviderName, answer: Parameters<typeof recordProbe>[2]) => {
  const probes = await takeProbes(database.db, CONFIGURED);
  const own = probes.find((one) => one.provider === provider);
  if (!own) throw new Error(`no probe of ${provider} is due`);
  return recordProbe(database.db, own, answer);
};
const letTimePass = (seconds: number) =>
  sql`update provider_health set probe_at = probe_at - make_interval(secs => ${seconds}),
    probed_at = probed_at - make_interval(secs => ${seconds}),
    hold_until = hold_until - make_interval(secs => ${seconds}),
    opened_at = opened_at - make_interval(secs => ${seconds}),
    closed_at = closed_at - make_interval(secs => ${seconds})`.execute(database.db);

describe('a provider whose breaker is open', () => {
  it('is probed by one of many processes, every 15 s while another provider admits', async () => {
    await open('mailgun');
    await letTimePass(14);
    expect(await due()).toEqual([]);
    await letTimePass(1);
    const taken = await Promise.all(Array.from({ length: 10 }, () => takeProbes(database.db, CONFIGURED)));
    expect(taken.flat()).toHaveLength(1);
    await letTimePass(14);
    expect(await due()).toEqual([]);
    await letTimePass(1);
    expect(await due()).toEqual(['mailgun']);
  });

  it('is probed every 2 s while no provider admits, however long its own pause was', async () => {
    await open('mailgun');
    await letTimePass(3);
    await open('mandrill');
    expect(await due()).toEqual(['mailgun']);
    await letTimePass(2);
    expect(await due()).toEqual(['mailgun', 'mandrill']);
    await letTimePass(1);
    expect(await due()).toEqual([]);
    await letTimePass(1);
    expect(await due()).toEqual(['mailgun', 'mandrill']);
  });

  it('lets traffic back after one good probe, and is closed by another one when there is no traffic', async () => {
    await open('mailgun');
    await letTimePass(15);
    expect(await probe('mailgun', UNAVAILABLE)).toBe('trouble');
    expect(await stateOf('mailgun')).toBe('open');
    await letTimePass(15);
    expect(await probe('mailgun', ANSWERS)).toBe('well');
    expect(await stateOf('mailgun')).toBe('half_open');
    await letTimePass(15);
    await probe('mailgun', ANSWERS);
    expect(await stateOf('mailgun')).toBe('closed');
    await letTimePass(60);
    expect(await due()).toEqual([]);
  });

  it('is left alone for as long as it asks, even when no provider admits', async () => {
    await open('mandrill');
    await fail('mailgun', { kind: 'throttled', code: 'http_429', retryAfterMs: 60_000 });
    await letTimePass(50);
    expect(await due()).toEqual(['mandrill']);
    await letTimePass(10);
    expect(await due()).toEqual(['mailgun', 'mandrill']);
  });

  it('is probed less often each time that it fails at once although it had answered', async () => {
    await open('mailgun', 'mandrill');
    const untilDueS = async () => {
      for (let seconds = 0; ; seconds++) {
        if ((await takeProbes(database.db, CONFIGURED)).some((one) => one.provider === 'mailgun')) return seconds;
        await letTimePass(1);
      }
    };
    const pauses: number[] = [];
    for (let n = 0; n < 5; n++) {
      pauses.push(await untilDueS());
      const own = { provider: 'mailgun', state: 'open', startedAt: new Date(), misconfigured: false } as const;
      await recordProbe(database.db, own, ANSWERS);
      expect(await stateOf('mailgun')).toBe('half_open');
      await fail('mailgun');
    }
    expect(pauses).toEqual([2, 4, 8, 15, 15]);
  });

  it('is back when it answers at all, unless it was our account that it had refused', async () => {
    const refused = { kind: 'misconfigured', code: 'http_401' } as const;
    await open('mailgun');
    await letTimePass(15);
    expect(await probe('mailgun', refused)).toBe('well');
    await fail('mandrill', refused);
    await letTimePass(15);
    expect(await probe('mandrill', refused)).toBe('trouble');
    await letTimePass(15);
    expect(await probe('mandrill', ANSWERS)).toBe('well');
  });

  it('is not probed when it is switched off or not ours', async () => {
    await open('mailgun', 'smtp');
    await letTimePass(60);
    await database.db.updateTable('provider_controls').set({ enabled: false }).execute();
    expect(await due()).toEqual([]);
  });
});

describe('a provider that has failed a call', () => {
  it('is probed once, and when that fails too its breaker opens at once', async () => {
    await fail('mailgun');
    expect(await stateOf('mailgun')).toBe('closed');
    const taken = await Promise.all(Array.from({ length: 10 }, () => takeProbes(database.db, CONFIGURED)));
    const [own, ...others] = taken.flat();
    expect(others).toEqual([]);
    expect(await recordProbe(database.db, own!, UNAVAILABLE)).toBe('trouble');
    expect(await stateOf('mailgun')).toBe('open');
  });

  it('is probed again after each failure, and an answer does not make up for one', async () => {
    for (let n = 0; n < 4; n++) {
      await fail('mailgun');
      expect(await probe('mailgun', ANSWERS)).toBe('well');
      expect(await due()).toEqual([]);
      expect(await stateOf('mailgun')).toBe('closed');
    }
    await fail('mailgun');
    expect(await stateOf('mailgun')).toBe('open');
  });
});

describe('a breaker closed by an operator', () => {
  it('stays closed when it is left to itself again', async () => {
    await fail('mailgun', { kind: 'misconfigured', code: 'http_401' });
    await changeProvider(database.db, 'mailgun', { forced: 'closed', reason: 'the key is mended' });
    await changeProvider(database.db, 'mailgun', { forced: null, reason: 'the key is mended' });
    expect(await stateOf('mailgun')).toBe('closed');
  });
});

import { sql, type UpdateObject } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertAttempts } from '../../../test/support/dead.js';
import { insertQueuedEmail, type QueuedEmailOptions } from '../../../test/support/emails.js';
import type { ProviderName } from '../../config.js';
import type { Database } from '../../postgres/schema.js';
import { changeProvider } from '../provider-health/switches.js';
import { noteForeignPause, pause } from '../queue/pauses.js';
import { explainWaiting, type SignsOfLife } from './explain.js';

const PROVIDERS: readonly ProviderName[] = ['mailgun', 'mandrill'];
const WAKES_AT = new Date('2026-12-01T10:00:00.000Z');
const ALL_WELL: SignsOfLife = {
  hasDispatcher: async () => true,
  workersOf: async () => 'some',
  missedBuildOf: async () => null,
  nextTryOf: async () => WAKES_AT,
};

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const settings = { providers: PROVIDERS, inFlightLimit: { critical: 2, medium: 2, low: 2 } };
const insert = (options: QueuedEmailOptions = {}) => insertQueuedEmail(database.db, { dueInS: -1, ...options });
const why = (id: string, signs: Partial<SignsOfLife> = {}) =>
  explainWaiting(database.db, id, settings, { ...ALL_WELL, ...signs });
const codeOf = async (id: string, signs: Partial<SignsOfLife> = {}) => (await why(id, signs))?.code ?? null;
const switchAll = async (change: Omit<Parameters<typeof changeProvider>[2], 'reason'>) => {
  for (const provider of PROVIDERS) await changeProvider(database.db, provider, { ...change, reason: 'test' });
};
const health = (changes: UpdateObject<Database, 'provider_health'>) =>
  database.db.updateTable('provider_health').set(changes).where('provider', 'in', PROVIDERS).execute();

describe('an e-mail that is due and not started waits', () => {
  it('for its turn, when nothing else holds it up', async () => {
    expect(await why(await insert())).toEqual({
      code: 'in_turn',
      reason: 'It takes its turn; nothing else holds it up.',
      next_try_at: null,
    });
  });

  it('for its scheduled time, and is tried then', async () => {
    const id = await insert({ dueInS: 3_600 });
    const { due_at } = await database.db.selectFrom('email_queue').select('due_at').executeTakeFirstOrThrow();
    expect(await why(id)).toMatchObject({ code: 'scheduled', next_try_at: due_at });
  });

  it('for the end of a pause, ours or one in Temporal, of its own priority', async () => {
    const id = await insert({ priority: 'low' });
    await pause(database.db, ['medium'], 'test');
    expect(await codeOf(id)).toBe('in_turn');
    await noteForeignPause(database.db, 'low', { reason: null, since: null });
    expect(await codeOf(id)).toBe('paused_in_temporal');
    await pause(database.db, ['low'], 'secret@example.org complained');
    const waiting = await why(id);
    expect(waiting).toMatchObject({ code: 'paused', next_try_at: null });
    expect(waiting?.reason).not.toContain('secret');
  });

  it('for a dispatcher, and for Temporal', async () => {
    const id = await insert();
    expect(await codeOf(id, { hasDispatcher: async () => false })).toBe('no_dispatcher');
    expect(await codeOf(id, { workersOf: async () => 'unreachable' })).toBe('temporal_unreachable');
  });

  it('for one of those in flight to be done', async () => {
    const id = await insert();
    await insert({ state: 'in_flight' });
    expect(await codeOf(id)).not.toBe('in_flight_limit');
    await insert({ state: 'in_flight' });
    expect(await codeOf(id)).toBe('in_flight_limit');
  });

  it('for the starting window, when it is bulk and another one is before its first call', async () => {
    const [low, critical] = [await insert({ priority: 'low' }), await insert({ priority: 'critical' })];
    await insert({ priority: 'low', state: 'in_flight' });
    expect([await codeOf(low), await codeOf(critical)]).toEqual(['starting_window', 'in_turn']);
  });

  it('for the rate, when as many are at work as it lets through', async () => {
    await switchAll({ rate_per_s: 0.5 });
    const id = await insert({ priority: 'medium' });
    expect(await codeOf(id)).toBe('in_turn');
    for (let n = 0; n < 5; n++) await insert({ state: 'backing_off' });
    expect(await codeOf(id)).toBe('rate_limited');
  });
});

describe('an e-mail waits for providers', () => {
  const later = new Date(Date.now() + 60_000);

  it.each([
    ['breaker_open', () => health({ state: 'open', probe_at: later, trial_at: later }), later],
    ['breaker_forced_open', () => switchAll({ forced: 'open' }), null],
    ['provider_disabled', () => switchAll({ enabled: false }), null],
    [
      'quota_used_up',
      async () => {
        await switchAll({ per_day: 1 });
        await health({ day: sql<string>`(now() at time zone 'UTC')::date`, used_today: 1 });
      },
      new Date(new Date().setUTCHours(24, 0, 0, 0)),
    ],
  ] as const)('%s at all of them, whether or not it has been started', async (code, happen, next) => {
    const ids = [await insert(), await insert({ state: 'awaiting_provider' }), await insert({ state: 'in_flight' })];
    await happen();
    for (const id of ids) expect(await why(id)).toMatchObject({ code, next_try_at: next });
  });

  it('that are at the limit of their rates, once it has been started', async () => {
    await switchAll({ rate_per_s: 1 });
    await health({ next_call_at: later });
    expect(await why(await insert({ state: 'in_flight' }))).toMatchObject({ code: 'rate_limited', next_try_at: later });
  });

  it('that do not take its sender’s domain', async () => {
    const [id, other] = [await insert({ state: 'awaiting_provider' }), await insert({ state: 'awaiting_provider' })];
    await database.db
      .updateTable('emails')
      .set({ sender: 'Shop <a@elsewhere.example.com>' })
      .where('id', '=', other)
      .execute();
    const block = (provider: ProviderName) => ({ provider, domain: 'example.com', code: 'test', until_at: later });
    await database.db.insertInto('sender_domain_blocks').values(PROVIDERS.map(block)).execute();
    expect(await why(id)).toMatchObject({ code: 'sender_domain_blocked', next_try_at: later });
    expect(await codeOf(other)).toBe('awaiting_provider');
  });

  it('each for a reason of its own, in one sentence, until the first of them is over', async () => {
    await changeProvider(database.db, 'mailgun', { enabled: false, reason: 'test' });
    await database.db
      .updateTable('provider_health')
      .set({ state: 'open', probe_at: later, trial_at: later })
      .where('provider', '=', 'mandrill')
      .execute();
    expect(await why(await insert({ state: 'awaiting_provider' }))).toEqual({
      code: 'awaiting_provider',
      reason: 'No provider takes it now: mailgun is switched off, mandrill has trouble and is being probed.',
      next_try_at: later,
    });
  });

  it('of which one takes it again: it is woken in turn', async () => {
    expect(await codeOf(await insert({ state: 'awaiting_provider' }))).toBe('awaiting_provider');
  });
});

describe('an e-mail whose workflow has been started waits', () => {
  it('for a worker, whatever it waits for besides', async () => {
    const signs: Partial<SignsOfLife> = { workersOf: async () => 'none' };
    for (const state of ['in_flight', 'backing_off', 'awaiting_provider'] as const) {
      expect(await codeOf(await insert({ state }), signs)).toBe('no_worker');
    }
    expect(await codeOf(await insert({ state: 'in_flight' }), { workersOf: async () => 'unreachable' })).toBe(
      'temporal_unreachable',
    );
  });

  it('for a worker of the build that it stays with, or begins on, though others run', async () => {
    const signs = (build: string | null, begins: boolean): Partial<SignsOfLife> => ({
      missedBuildOf: async () => ({ build, begins }),
    });
    for (const state of ['in_flight', 'backing_off', 'awaiting_provider'] as const) {
      expect(await why(await insert({ state }), signs('1.2.3', false))).toEqual({
        code: 'no_worker_of_build',
        reason: 'Its workflow stays with build 1.2.3, and no such worker of its priority runs.',
        next_try_at: null,
      });
    }
    const begins = await why(await insert({ state: 'in_flight' }), signs(null, true));
    expect(begins?.reason).toBe(
      'E-mails begin on workers without a build now, and no such worker of its priority runs.',
    );
  });

  it('for its next try, when its workflow says', async () => {
    const id = await insert({ state: 'backing_off' });
    expect(await why(id)).toMatchObject({ code: 'backing_off', next_try_at: WAKES_AT });
    expect(await why(id, { nextTryOf: async () => null })).toMatchObject({ code: 'backing_off', next_try_at: null });
  });

  it('for word of a call whose outcome is not known, but not while the call may be going on', async () => {
    const [calling, lost, doubtful] = [await insert(), await insert(), await insert()];
    await database.db.updateTable('email_queue').set({ state: 'in_flight' }).execute();
    await insertAttempts(database.db, calling, [{ state: 'calling', callUntilS: 60 }]);
    await insertAttempts(database.db, lost, [{ state: 'calling', callUntilS: -1 }]);
    await insertAttempts(database.db, doubtful, [{ state: 'ambiguous' }]);
    expect([await codeOf(calling), await codeOf(lost), await codeOf(doubtful)]).toEqual([
      null,
      'unknown_outcome',
      'unknown_outcome',
    ]);
  });
});

it('what a provider has, or what is over, waits for nothing, and nobody is asked', async () => {
  const fail = () => Promise.reject(new Error('asked'));
  const signs = { hasDispatcher: fail, workersOf: fail, missedBuildOf: fail, nextTryOf: fail };
  const [sent, over] = [await insert({ state: 'handed_over' }), await insert()];
  await database.db.deleteFrom('email_queue').where('email_id', '=', over).execute();
  expect([await codeOf(sent, signs), await codeOf(over, signs)]).toEqual([null, null]);
});

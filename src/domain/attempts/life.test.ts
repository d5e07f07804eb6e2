import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { patient } from '../../../test/support/patience.js';
import { storeEvents } from '../../../test/support/provider-events.js';
import type { SendResult } from '../../providers/provider.js';
import { projectStatus } from '../emails/projection.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { recordOutcome } from './outcomes.js';
import { askPermission } from './permission.js';
import { abandon, adoptLookUp, findOpenAttempt, markOutcomeUnknown } from './unknown-outcomes.js';

/**
 * Random lives of an e-mail: answers, crashes, webhooks, look-ups and give-ups of two providers, in any order. Beside
 * the record runs the truth: which calls were made, and which of them a provider took.
 */
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.db.updateTable('provider_controls').set({ forced: 'closed' }).execute();
});
afterAll(() => database.drop());

type Provider = 'mailgun' | 'mandrill';

interface Call {
  readonly attempt: number;
  readonly provider: Provider;
  readonly taken: boolean;
}

interface Life {
  readonly id: string;
  readonly calls: Call[];
  /** Times that a call was given up as unknown and the e-mail sent again. */
  repeats: number;
}

type Step =
  | { readonly do: 'try'; readonly provider: Provider; readonly answer: Answer }
  | { readonly do: 'webhook'; readonly which: number; readonly type: string }
  | { readonly do: 'lookUp' | 'giveUp' | 'bury' };

/** What a call comes to. A crash writes nothing down, whether or not the provider took the message. */
type Answer = 'accepted' | 'refused' | 'rejected' | 'ambiguous_taken' | 'ambiguous_lost' | 'crash_taken' | 'crash_lost';

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('try' as const),
      provider: fc.constantFrom<Provider>('mailgun', 'mandrill'),
      answer: fc.constantFrom<Answer>(
        'accepted',
        'refused',
        'rejected',
        'ambiguous_taken',
        'ambiguous_lost',
        'crash_taken',
        'crash_lost',
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('webhook' as const),
      which: fc.nat(10),
      type: fc.constantFrom('sent', 'delivered', 'opened', 'bounced', 'deferred'),
    }),
  },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ do: 'lookUp' }, { do: 'giveUp' }, { do: 'bury' }) },
);

const RESULTS: Partial<Record<Answer, SendResult>> = {
  accepted: { kind: 'accepted', providerMessageId: 'theirs' },
  refused: { kind: 'unavailable', code: 'http_503' },
  rejected: { kind: 'rejected', code: 'http_400' },
  ambiguous_taken: { kind: 'ambiguous', code: 'timeout' },
  ambiguous_lost: { kind: 'ambiguous', code: 'timeout' },
};

async function live(life: Life, one: Step): Promise<void> {
  const { db } = database;
  const { id } = life;
  if (one.do === 'try') return tryOnce(life, one.provider, one.answer);
  if (one.do === 'webhook') {
    const taken = life.calls.filter((call) => call.taken);
    const call = taken[one.which % Math.max(taken.length, 1)];
    if (!call) return;
    const event = {
      provider: call.provider,
      providerEventId: `${call.attempt}-${one.type}`,
      type: one.type,
      generation: 1,
      attempt: call.attempt,
      occurredAt: new Date(),
      providerMessageId: null,
      metadata: {},
    };
    await storeEvents(db, id, [event]);
    return;
  }
  const open = await findOpenAttempt(db, id, 1);
  if (!open || open.state === 'accepted') return;
  if (open.state === 'calling') await markOutcomeUnknown(db, open, 'no_answer', SHIPPED_STATUSES);
  const call = life.calls.find(({ attempt }) => attempt === open.attempt)!;
  if (one.do === 'lookUp') {
    if (call.taken) await adoptLookUp(db, open, 'theirs', SHIPPED_STATUSES);
    return;
  }
  const outcome = await abandon(db, open, one.do === 'bury' ? 'bury' : 'send_again', SHIPPED_STATUSES);
  if (outcome.kind === 'refused') life.repeats++;
}

async function tryOnce(life: Life, provider: Provider, answer: Answer): Promise<void> {
  const { db } = database;
  const request = { emailId: life.id, generation: 1, provider, dispatchedAtMs: 0, callTimeoutMs: 0, lifetimeMs: 1e9 };
  const permission = await askPermission(db, request, SHIPPED_STATUSES);
  if (permission.kind !== 'granted') return;
  const taken = answer === 'accepted' || answer.endsWith('_taken');
  life.calls.push({ attempt: permission.attempt, provider, taken });
  const result = RESULTS[answer];
  const id = { emailId: life.id, generation: 1, attempt: permission.attempt, provider };
  if (result) await recordOutcome(db, id, { result, lastOfRound: true, noted: true }, SHIPPED_STATUSES);
}

async function expectSound({ id, calls, repeats }: Life): Promise<void> {
  const { db } = database;
  // A provider has it more often than once only when it was sent again in doubt, and never more often than that.
  expect(calls.filter((call) => call.taken).length).toBeLessThanOrEqual(1 + repeats);
  const attempts = await db.selectFrom('send_attempts').selectAll().where('email_id', '=', id).execute();
  expect(attempts).toHaveLength(calls.length);
  expect(attempts.filter(({ state }) => state === 'calling' || state === 'ambiguous').length).toBeLessThanOrEqual(1);
  // What the record calls accepted, a provider took.
  for (const { attempt } of attempts.filter(({ state }) => state === 'accepted')) {
    expect(calls.find((call) => call.attempt === attempt)?.taken).toBe(true);
  }
  const email = await db.selectFrom('emails').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const events = await db.selectFrom('email_events').selectAll().where('email_id', '=', id).execute();
  expect(email.status).toBe(projectStatus(events, SHIPPED_STATUSES));
  if (attempts.some(({ state }) => state === 'accepted')) expect(email.sent_at).not.toBeNull();
}

it(
  'whatever happens in whatever order, an e-mail is taken twice only after it was sent again in doubt',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
        const life: Life = { id: await insertQueuedEmail(database.db, { state: 'in_flight' }), calls: [], repeats: 0 };
        for (const one of steps) await live(life, one);
        await expectSound(life);
      }),
      { numRuns: 120 },
    );
    const counted = await sql<{ value: number }>`select coalesce(sum(value), 0)::int as value from counters
    where name = 'repeated_sends'`.execute(database.db);
    expect(counted.rows[0]!.value).toBeGreaterThan(0);
  },
  patient(120_000),
);

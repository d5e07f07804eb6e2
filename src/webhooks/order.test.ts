import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patient } from '../../test/support/patience.js';
import {
  insertEmail,
  mailgunBody,
  mailgunEvent,
  mandrillEvent,
  type OwnWebhooks,
  postMailgun,
  postMandrill,
  startOwnWebhooks,
} from '../../test/support/webhooks.js';

let service: OwnWebhooks;
beforeAll(async () => {
  service = await startOwnWebhooks();
});
afterAll(() => service?.stop());

/** An event as a provider tells it; which attempt it is of follows from the provider. */
type Telling = { readonly index: number } & (
  | { readonly provider: 'mailgun'; readonly event: string; readonly severity: string }
  | { readonly provider: 'mandrill'; readonly event: string }
);

const telling = fc.oneof(
  fc.record({
    provider: fc.constant('mailgun' as const),
    event: fc.constantFrom('accepted', 'rejected', 'delivered', 'failed', 'opened', 'clicked', 'complained', 'stored'),
    severity: fc.constantFrom('permanent', 'temporary'),
  }),
  fc.record({
    provider: fc.constant('mandrill' as const),
    event: fc.constantFrom('send', 'delivered', 'deferral', 'hard_bounce', 'soft_bounce', 'open', 'spam', 'reject'),
  }),
);

/** A set of events, and two ways of telling it: any order, each event once to three times. */
const told = fc
  .array(telling, { minLength: 1, maxLength: 7 })
  .map((events): Telling[] => events.map((event, index) => ({ ...event, index })))
  .chain((events) => {
    const way = fc
      .array(fc.integer({ min: 1, max: 3 }), { minLength: events.length, maxLength: events.length })
      .map((times) => events.flatMap((event, index) => Array.from({ length: times[index] ?? 1 }, () => event)))
      .chain((many) => fc.shuffledSubarray(many, { minLength: many.length, maxLength: many.length }));
    return fc.tuple(fc.constant(events), way, way);
  });

/** Attempt 1 went to Mailgun and was given up, attempt 2 to Mandrill; both may have gone through after all. */
const makeEmail = () =>
  insertEmail(service.db, [
    { provider: 'mailgun', state: 'abandoned' },
    { provider: 'mandrill', state: 'accepted' },
  ]);

const startedS = 1_790_000_000;

async function tell(email: { id: string }, { index, ...event }: Telling): Promise<number> {
  if (event.provider === 'mailgun') {
    const fields = { id: `event-${index}`, timestamp: startedS + index, severity: event.severity };
    return (await postMailgun(service.url, mailgunBody(mailgunEvent(email, event.event, fields)))).status;
  }
  const metadata = { email_id: email.id, generation: 1, attempt: 2 };
  const batch = [mandrillEvent(email, event.event, { ts: startedS + index, msg: { metadata } })];
  return (await postMandrill(service.url, batch)).status;
}

async function outcomeOf({ id }: { id: string }) {
  const { db } = service;
  const email = await db
    .selectFrom('emails')
    .select(['status', 'client_id'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  const events = await db.selectFrom('email_events').select('event_key').where('email_id', '=', id).execute();
  const attempts = await db
    .selectFrom('send_attempts')
    .select(['attempt', 'state'])
    .where('email_id', '=', id)
    .orderBy('attempt')
    .execute();
  const suppressed = await db
    .selectFrom('suppressions')
    .select('address')
    .where('client_id', '=', email.client_id)
    .execute();
  return {
    status: email.status,
    events: events.map((event) => event.event_key).sort(),
    attempts,
    suppressed: suppressed.length,
  };
}

describe('webhooks of two providers in any order, with repetitions, one after another or all at once', () => {
  it(
    'end in the same status, the same events, the same attempts and the same suppression',
    async () => {
      await fc.assert(
        fc.asyncProperty(told, async ([events, one, other]) => {
          const [first, second] = [await makeEmail(), await makeEmail()];
          for (const event of one) expect(await tell(first, event)).toBe(200);
          const answers = await Promise.all(other.map((event) => tell(second, event)));
          expect(new Set(answers)).toEqual(new Set([200]));
          const outcome = await outcomeOf(first);
          expect(await outcomeOf(second)).toEqual(outcome);
          expect(outcome.events).toHaveLength(events.length);
        }),
        { numRuns: 40 },
      );
    },
    patient(120_000),
  );
});

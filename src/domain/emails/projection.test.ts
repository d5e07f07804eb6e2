import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ProjectableEvent, projectStatus } from './projection.js';
import { SHIPPED_STATUSES, STATUS_RULES, type StatusCatalogue, type StatusRule } from './statuses.js';

const names = STATUS_RULES.map((rule) => rule.name);
/** Words that have no status: a provider's "unsubscribed", or one that nobody has thought of yet. */
const wordless = ['unsubscribed', 'stored', 'mailgun_new_thing'];
/** What concerns a generation as a whole; everything else belongs to one attempt. */
const ofGeneration = ['scheduled', 'queued', 'retrying', 'suppressed', 'cancelled', 'dead', 'opened'];

/** Attempt 1 and 3 of a generation went to one provider, attempt 2 to the other: failover and back. */
const providerOf = (attempt: number | null) => (attempt === null ? null : attempt % 2 === 1 ? 'mailgun' : 'mandrill');

const generation = fc.integer({ min: 1, max: 4 });
const event: fc.Arbitrary<ProjectableEvent> = fc.oneof(
  fc.record({ type: fc.constantFrom(...ofGeneration), generation, attempt: fc.constant(null) }),
  fc
    .record({ type: fc.constantFrom(...names, ...wordless), generation, attempt: fc.integer({ min: 1, max: 3 }) })
    .map((made) => ({ ...made, provider: providerOf(made.attempt) })),
);
const events = fc.array(event, { maxLength: 30 });

/** The same set in another order, each event once or up to three times. */
const rearranged = (of: readonly ProjectableEvent[]) =>
  fc
    .array(fc.integer({ min: 1, max: 3 }), { minLength: of.length, maxLength: of.length })
    .map((times) => of.flatMap((one, index) => Array.from({ length: times[index] ?? 1 }, () => one)))
    .chain((many) => fc.shuffledSubarray(many, { minLength: many.length, maxLength: many.length }));

/** What a rule says beside what the projection asks for. */
const NOT_PROJECTED = {
  signal: fc.constant(null),
  trouble: fc.boolean(),
  retryable: fc.boolean(),
  told: fc.boolean(),
  unheard: fc.boolean(),
  provider_events: fc.constant([]),
};

/** Statuses an operator may add as rows: ranks and preferences may well be equal to others'. */
const catalogue: fc.Arbitrary<StatusCatalogue> = fc
  .array(
    fc.record({
      name: fc.constantFrom(...names),
      rank: fc.integer({ min: 0, max: 3 }),
      preference: fc.integer({ min: 0, max: 3 }),
      survives: fc.boolean(),
      final: fc.boolean(),
      description: fc.constant(''),
      ...NOT_PROJECTED,
    }),
    { minLength: 1 },
  )
  .map((rules) => new Map(rules.map((rule) => [rule.name, rule satisfies StatusRule])));

const project = (of: readonly ProjectableEvent[]) => projectStatus(of, SHIPPED_STATUSES);

describe('the status is a pure function of the set of events', () => {
  it('any order and any repetition give the same status', () => {
    fc.assert(
      fc.property(
        events.chain((set) => fc.tuple(fc.constant(set), rearranged(set))),
        ([set, other]) => {
          expect(project(other)).toBe(project(set));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('holds for whatever rows the statuses table has, equal ranks and preferences included', () => {
    fc.assert(
      fc.property(
        catalogue,
        events.chain((set) => fc.tuple(fc.constant(set), rearranged(set))),
        (rules, [set, other]) => {
          expect(projectStatus(other, rules)).toBe(projectStatus(set, rules));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('learning it in two halves, either first, is learning it at once', () => {
    fc.assert(
      fc.property(events, events, (first, second) => {
        expect(project([...second, ...first])).toBe(project([...first, ...second]));
      }),
    );
  });

  it('is undefined exactly when no event has a status', () => {
    fc.assert(
      fc.property(events, (set) => {
        expect(project(set) === undefined).toBe(!set.some((one) => SHIPPED_STATUSES.has(one.type)));
      }),
    );
  });

  it('is always the type of one of the events', () => {
    fc.assert(
      fc.property(events, (set) => {
        const status = project(set);
        if (status !== undefined) expect(set.map((one) => one.type)).toContain(status);
      }),
    );
  });

  it('mail that one attempt got through is never shown as lost, whatever the other attempts and generations say', () => {
    const lost = [
      'failed',
      'bounced',
      'dead',
      'retrying',
      'unconfirmed',
      'sending',
      'queued',
      'cancelled',
      'suppressed',
    ];
    const elsewhere = event.filter((one) => one.generation !== 2 || one.attempt !== 2);
    fc.assert(
      fc.property(fc.array(elsewhere), fc.constantFrom('sent', 'delivered', 'opened', 'clicked'), (set, good) => {
        expect(lost).not.toContain(project([...set, { type: good, generation: 2, attempt: 2 }]));
      }),
    );
  });

  it('an older generation that did not get through has no say', () => {
    const temporary = names.filter((name) => !SHIPPED_STATUSES.get(name)?.survives);
    const old = fc.record({
      type: fc.constantFrom(...temporary),
      generation: fc.integer({ min: 1, max: 2 }),
      attempt: fc.option(fc.integer({ min: 1, max: 3 })),
    });
    const now = fc.array(event.map((one) => ({ ...one, generation: 3 })));
    fc.assert(
      fc.property(fc.array(old), now, (past, present) => {
        const current = [{ type: 'queued', generation: 3, attempt: null }, ...present];
        expect(project([...past, ...current])).toBe(project(current));
      }),
    );
  });
});

/** `'delivered'` for generation 1, attempt 1; `'delivered 2/1'` for generation 2, attempt 1; `'dead 1'` for the generation. */
function read(line: string): ProjectableEvent {
  const [type, place] = line.split(' ') as [string, string?];
  const [made, attempt] = (place ?? '1/1').split('/') as [string, string?];
  return { type, generation: Number(made), attempt: attempt === undefined ? null : Number(attempt) };
}

describe('the rules of the projection', () => {
  const examples: [promise: string, events: string[], status: string | undefined][] = [
    ['nothing has happened', [], undefined],
    ['words without a status change nothing', ['sent', 'unsubscribed', 'stored'], 'sent'],
    ['an accepted e-mail is queued', ['queued 1'], 'queued'],
    ['a scheduled one becomes queued when it is due', ['scheduled 1', 'queued 1'], 'queued'],
    ['a call under way is sending', ['queued 1', 'sending'], 'sending'],
    ['a call that was refused for now is retrying', ['queued 1', 'sending', 'retrying'], 'retrying'],
    ['the next call is sending again', ['queued 1', 'sending', 'retrying', 'sending 1/2'], 'sending'],
    ['a call without an answer is unconfirmed', ['queued 1', 'sending', 'unconfirmed'], 'unconfirmed'],
    ['evidence turns an unconfirmed attempt into what it was', ['sending', 'unconfirmed', 'delivered'], 'delivered'],
    ['a refusal after an ambiguous call resolves it', ['sending', 'unconfirmed', 'retrying'], 'retrying'],
    ['a provider that tries again is deferred', ['sending', 'sent', 'deferred'], 'deferred'],
    ['a delivery after deferrals is a delivery', ['sent', 'deferred', 'delivered'], 'delivered'],
    [
      'a delivery told before the sending is one all the same',
      ['delivered', 'sent', 'sending', 'queued 1'],
      'delivered',
    ],
    ['an open counts beyond a delivery', ['sent', 'delivered', 'opened'], 'opened'],
    ['an open told before the delivery too', ['opened', 'delivered', 'sent'], 'opened'],
    ['a click counts beyond an open', ['clicked', 'delivered', 'opened'], 'clicked'],
    ['a bounce after delivered is a bounce', ['sent', 'delivered', 'bounced'], 'bounced'],
    ['in either order', ['bounced', 'delivered', 'sent'], 'bounced'],
    [
      'a complaint counts beyond everything the reader did',
      ['delivered', 'opened', 'clicked', 'complained'],
      'complained',
    ],
    ['a permanent refusal is failed', ['queued 1', 'sending', 'failed'], 'failed'],
    ['the best outcome wins across attempts: failover', ['failed', 'sending 1/2', 'delivered 1/2'], 'delivered'],
    ['whichever attempt it was', ['delivered', 'bounced 1/2'], 'delivered'],
    ['a bounce at one provider, sent at the other', ['sent', 'bounced', 'sent 1/2'], 'sent'],
    ['sent is better than deferred', ['sent', 'deferred', 'sent 1/2'], 'sent'],
    ['an attempt adopted late rescues a dead e-mail', ['unconfirmed', 'dead 1', 'delivered'], 'delivered'],
    ['an attempt that is only sending does not', ['sending', 'dead 1'], 'dead'],
    ['retries that are over are dead', ['retrying', 'retrying 1/2', 'dead 1'], 'dead'],
    ['cancelled before it was handed over', ['queued 1', 'cancelled 1'], 'cancelled'],
    ['a cancellation that came too late is none', ['queued 1', 'cancelled 1', 'sent'], 'sent'],
    ['a suppressed address', ['queued 1', 'suppressed 1'], 'suppressed'],
    ['a newer generation clears failed', ['failed', 'queued 2'], 'queued'],
    ['a newer generation clears dead', ['dead 1', 'queued 2', 'sending 2/1'], 'sending'],
    ['a newer generation clears a bounce', ['sent', 'bounced', 'queued 2'], 'queued'],
    ['even when the old failure is told last', ['queued 2', 'sending 2/1', 'bounced'], 'sending'],
    ['a newer generation can die as well', ['dead 1', 'queued 2', 'dead 2'], 'dead'],
    ['delivered survives a newer generation', ['delivered', 'dead 1', 'queued 2', 'dead 2'], 'delivered'],
    ['sent survives a newer generation', ['sent', 'queued 2'], 'sent'],
    ['a bounce takes its own attempt\'s "sent" with it, not another\'s', ['sent', 'bounced', 'sent 2/1'], 'sent'],
  ];

  it.each(examples)('%s', (_promise, lines, status) => {
    expect(project(lines.map(read))).toBe(status);
    expect(project(lines.map(read).reverse())).toBe(status);
  });

  it('has a rank and a preference of its own for every shipped status', () => {
    expect(new Set(STATUS_RULES.map((rule) => rule.rank)).size).toBe(STATUS_RULES.length);
    expect(new Set(STATUS_RULES.map((rule) => rule.preference)).size).toBe(STATUS_RULES.length);
  });
});

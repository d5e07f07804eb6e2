import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { listItems } from './items.js';
import { type Lacking, REMAINS, type Remains, recordLacking } from './lacking.js';
import { beginRecovery } from './recoveries.js';

let database: TestDatabase;
let recoveryId: string;
beforeAll(async () => {
  database = await createTestDatabase();
  const restored = { to: new Date(), temporal: 'lost' } as const;
  recoveryId = (await beginRecovery(database.db, { source: 'cli' }, restored)).recovery.id;
});
afterAll(() => database?.drop());

const clientId = randomUUID();
const byProvider = (source: 'mailgun' | 'mandrill') =>
  fc.constantFrom('sent', 'rejected').map((evidence) => ({ source, evidence, provider: source }));
const byTemporal = fc.constantFrom<Remains>('sent', 'doubtful', 'ended', 'not_taken', 'absent').map((evidence) => ({
  ...{ source: 'temporal', evidence, provider: evidence === 'sent' ? 'mandrill' : null },
  ...{ priority: 'low', clientId },
}));
const stored = fc.constant({ source: 'attachments', evidence: 'attachment', provider: null });
/** What is told of two e-mails, by whom. */
const told = fc.array(
  fc.record({
    of: fc.nat(1),
    tells: fc.oneof(byProvider('mailgun'), byProvider('mandrill'), byTemporal, stored),
  }),
  { minLength: 1, maxLength: 8 },
);

async function listedOf(ids: readonly string[], facts: readonly { of: number; tells: object }[]) {
  for (const { of, tells } of facts) {
    const lacking = { priority: null, clientId: null, ...tells, emailId: ids[of]! } as Lacking;
    await recordLacking(database.db, recoveryId, [lacking]);
  }
  const items = await listItems(database.db, recoveryId, { verdict: 'lacking', undecided: true, limit: 10_000 });
  return ids.map((id) => {
    const item = items.find(({ emailId }) => emailId === id);
    return item && { ...item, emailId: null };
  });
}

it('a line is the same in whichever order, and how often, it is told what remains', async () => {
  const twoIds = () => [randomUUID(), randomUUID()];
  const shuffled = told.chain((facts) =>
    fc.tuple(fc.constant(facts), fc.shuffledSubarray([...facts, ...facts], { minLength: facts.length * 2 })),
  );
  await fc.assert(
    fc.asyncProperty(shuffled, async ([facts, again]) => {
      const lines = await listedOf(twoIds(), facts);
      expect(await listedOf(twoIds(), again)).toEqual(lines);
      for (const [of, line] of lines.entries()) {
        const mine = facts.flatMap((fact) => (fact.of === of ? [fact.tells] : []));
        expect(line?.sources ?? []).toEqual([...new Set(mine.map(({ source }) => source))].sort());
        const best = Math.min(...mine.map(({ evidence }) => REMAINS.indexOf(evidence as Remains)));
        expect(line?.evidence).toBe(REMAINS[best]);
        // Of those who told that, and of nobody else.
        const by = mine.filter(({ evidence }) => evidence === REMAINS[best]).flatMap(({ provider }) => provider ?? []);
        expect(line?.provider ?? null).toBe(by.sort()[0] ?? null);
        expect(line?.stored ?? false).toBe(mine.some(({ source }) => source === 'attachments'));
      }
    }),
    { numRuns: 40 },
  );
});

it('what was adopted is not taken for lacking', async () => {
  const emailId = randomUUID();
  const adopted = { recovery_id: recoveryId, email_id: emailId, verdict: 'sent', evidence: 'temporal' } as const;
  await database.db
    .insertInto('recovery_items')
    .values({ ...adopted, provider: 'mailgun', priority: null, client_id: null, decision: null, decided_at: null })
    .execute();
  const tells = { source: 'mandrill', evidence: 'sent', provider: 'mandrill', priority: null, clientId: null } as const;
  await recordLacking(database.db, recoveryId, [{ emailId, ...tells }]);
  const row = await database.db
    .selectFrom('recovery_items')
    .select(['verdict', 'evidence', 'provider', 'sources'])
    .where('email_id', '=', emailId)
    .executeTakeFirst();
  expect(row).toEqual({ verdict: 'sent', evidence: 'temporal', provider: 'mailgun', sources: [] });
});

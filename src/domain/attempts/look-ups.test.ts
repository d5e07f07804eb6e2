import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, insertClient, type TestDatabase } from '../../../test/support/database.js';
import { insertAttempts } from '../../../test/support/dead.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { type Db, openDatabase } from '../../postgres/database.js';
import { type SoughtAttempt, takeLookUpTurn } from './look-ups.js';

let database: TestDatabase;
let db: Db;
/** Several processes, each with a pool of its own. */
let processes: Db[];
let clientId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  ({ db } = database);
  const open = () => openDatabase({ url: database.url, poolSize: 3, name: 'test', logger: { warn: () => {} } });
  processes = [open(), open(), open(), open()];
  clientId = (await insertClient(db)).id;
  // What each turn sets, by the database's clock, is the first moment of the next one.
  await sql`create table turns (next_at timestamptz)`.execute(db);
  await sql`create function note_turn() returns trigger language plpgsql as $$ begin
    insert into turns values (new.next_look_up_at); return new; end $$`.execute(db);
  await sql`create trigger note_turn after update of next_look_up_at on provider_health for each row
    when (new.next_look_up_at > '-infinity') execute function note_turn()`.execute(db);
});
afterAll(async () => {
  await Promise.all(processes.map((one) => one.destroy()));
  await database.drop();
});
beforeEach(async () => {
  await db.deleteFrom('look_ups').execute();
  await setNextTurn('-infinity');
  await sql`truncate turns`.execute(db);
});

const HOUR = 3_600_000;

/** Makes the next turn come at once, or never. */
async function setNextTurn(at: '-infinity' | 'infinity'): Promise<void> {
  await db
    .updateTable('provider_health')
    .set({ next_look_up_at: sql<Date>`${at}::timestamptz` })
    .execute();
}

/** An e-mail's attempt whose outcome is unknown. */
async function doubtful(provider: 'mandrill' | 'mailgun' = 'mandrill'): Promise<SoughtAttempt> {
  const emailId = await insertQueuedEmail(db, { clientId, state: 'backing_off' });
  await insertAttempts(db, emailId, [{ provider, state: 'ambiguous' }]);
  const id = { emailId, generation: 1, attempt: 1, provider };
  return { ...id, startedAt: new Date(), receiver: 'reader@example.org', providerMessageId: null };
}

const several = (count: number) => Promise.all(Array.from({ length: count }, () => doubtful()));

/** Leaves wishes; the turn after them comes at once. */
async function wish(attempts: readonly SoughtAttempt[], decideInMs: readonly number[]): Promise<void> {
  await setNextTurn('infinity');
  for (const [index, attempt] of attempts.entries()) {
    expect(await takeLookUpTurn(db, attempt, decideInMs[index]!, { everyMs: HOUR, size: 20 })).toEqual([]);
  }
  await setNextTurn('-infinity');
}

const idsOf = (attempts: readonly SoughtAttempt[]) => attempts.map(({ emailId }) => emailId);
const waiting = async () =>
  (await db.selectFrom('look_ups').select('email_id').execute()).map((row) => row.email_id).sort();

describe('the turn to search', () => {
  it('comes never sooner than the window allows, over all processes', async () => {
    const everyMs = 40;
    const attempts = await several(12);
    let turns = 0;
    const ask = async (index: number) => {
      while (turns < 15) {
        const attempt = attempts[index]!;
        const taken = await takeLookUpTurn(processes[index % processes.length]!, attempt, 0, { everyMs, size: 3 });
        if (taken.length > 0) turns++;
      }
    };
    await Promise.all(attempts.map((_, index) => ask(index)));
    const { rows } = await sql<{ turns: number; closest_ms: number }>`
      select count(*)::int as turns, min(gap)::float8 as closest_ms from (
        select extract(epoch from next_at - lag(next_at) over (order by next_at)) * 1000 as gap from turns)`.execute(
      db,
    );
    expect(rows[0]!.turns).toBeGreaterThanOrEqual(15);
    expect(rows[0]!.closest_ms).toBeGreaterThanOrEqual(everyMs);
  });

  it('is given to one of those who ask at once; the others leave a wish each, however often they ask', async () => {
    const attempts = await several(8);
    const ask = (attempt: SoughtAttempt, index: number) =>
      takeLookUpTurn(processes[index % processes.length]!, attempt, 1_000, { everyMs: HOUR, size: 1 });
    const first = await Promise.all(attempts.map(ask));
    const second = await Promise.all(attempts.map(ask));
    const winners = [...first, ...second].filter((taken) => taken.length > 0);
    expect(winners).toHaveLength(1);
    // The winner has asked once more, in vain.
    expect(await waiting()).toEqual(idsOf(attempts).sort());
  });

  it("is each provider's own", async () => {
    const window = { everyMs: HOUR, size: 20 };
    expect(await takeLookUpTurn(db, await doubtful('mandrill'), 0, window)).toHaveLength(1);
    expect(await takeLookUpTurn(db, await doubtful('mandrill'), 0, window)).toEqual([]);
    // The wish for Mandrill is not served by a search at Mailgun.
    expect(await takeLookUpTurn(db, await doubtful('mailgun'), 0, window)).toHaveLength(1);
  });
});

describe('who has the turn', () => {
  it("searches for its own attempt and the most urgent of the others, up to the window's size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: -HOUR, max: HOUR }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 6 }),
        async (decideInMs, size) => {
          await db.deleteFrom('look_ups').execute();
          const others = await several(decideInMs.length);
          await wish(
            others,
            // Far enough apart for the order in which they are written not to matter.
            decideInMs.map((ms) => ms * 60_000),
          );
          const own = await doubtful();
          const taken = await takeLookUpTurn(db, own, 0, { everyMs: HOUR, size });
          const byUrgency = others
            .map((attempt, index) => ({ ...attempt, ms: decideInMs[index]! }))
            .sort((a, b) => a.ms - b.ms);
          expect(idsOf(taken)).toEqual(idsOf([own, ...byUrgency.slice(0, size - 1)]));
          expect(await waiting()).toEqual(idsOf(byUrgency.slice(size - 1)).sort());
        },
      ),
      { numRuns: 15 },
    );
  });

  it('gets what a search needs', async () => {
    const other = await doubtful();
    await wish([other], [0]);
    const [, served] = await takeLookUpTurn(db, await doubtful(), 0, { everyMs: HOUR, size: 2 });
    const { started_at } = await db
      .selectFrom('send_attempts')
      .select('started_at')
      .where('email_id', '=', other.emailId)
      .executeTakeFirstOrThrow();
    expect(served).toEqual({ ...other, startedAt: started_at });
  });

  it('does not search for its own attempt twice: its wish is gone', async () => {
    const own = await doubtful();
    await wish([own], [0]);
    expect(await takeLookUpTurn(db, own, 0, { everyMs: HOUR, size: 20 })).toHaveLength(1);
    expect(await waiting()).toEqual([]);
  });
});

describe('a wish', () => {
  it('is served by one turn only, however many are taken at once', async () => {
    const others = await several(40);
    await wish(
      others,
      others.map((_, index) => index * 1_000),
    );
    const askers = await several(16);
    const taken = await Promise.all(
      askers.map((asker, index) =>
        takeLookUpTurn(processes[index % processes.length]!, asker, 0, { everyMs: 0, size: 4 }),
      ),
    );
    const served = taken.flatMap((attempts) => idsOf(attempts.slice(1)));
    expect(new Set(served).size).toBe(served.length);
    expect(served.sort()).toEqual(idsOf(others).sort());
  });

  it('is as urgent as its last word says', async () => {
    const [first, second] = await several(2);
    await wish([first!, second!, first!], [1_000, 60_000, HOUR]);
    const taken = await takeLookUpTurn(db, await doubtful(), 0, { everyMs: HOUR, size: 2 });
    expect(idsOf(taken)[1]).toBe(second!.emailId);
  });

  it("whose attempt is settled, or whose e-mail is deleted, is dropped and takes nobody's place", async () => {
    const [accepted, abandoned, deleted, open] = await several(4);
    await wish([accepted!, abandoned!, deleted!, open!], [0, 0, 0, HOUR]);
    const settle = (state: 'accepted' | 'abandoned', { emailId }: SoughtAttempt) =>
      db.updateTable('send_attempts').set({ state }).where('email_id', '=', emailId).execute();
    await settle('accepted', accepted!);
    await settle('abandoned', abandoned!);
    await db.deleteFrom('send_attempts').where('email_id', '=', deleted!.emailId).execute();
    const asker = await doubtful();
    const taken = await takeLookUpTurn(db, asker, 0, { everyMs: HOUR, size: 2 });
    expect(idsOf(taken)).toEqual(idsOf([asker, open!]));
    expect(await waiting()).toEqual([]);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patient } from './support/patience.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import { until } from './support/until.js';

let system: TestSystem;
let ids: string[];

const COUNT = 60;
/** Mandrill takes every message, and tells nothing of it by itself: each call is cut off without an answer. */
const SILENT = { resetAfterTaking: true, webhooks: { loseFraction: 1 } };

beforeAll(async () => {
  system = await startTestSystem({
    env: { PROVIDERS: 'mandrill', DELIVERY_TIMEOUT_S: '2' },
  });
  const { database, stack } = system;
  // Calls without an answer would open the breaker, and the rest would wait for it.
  await database.db.updateTable('provider_controls').set({ forced: 'closed' }).execute();
  await stack.setFaults({ mandrill: { ...SILENT, lookUpMiss: 1 } });
  // Two fleets: the limit is for both together.
  const submissions = Array.from({ length: COUNT }, (_, index) => ({
    priority: index % 2 === 0 ? 'medium' : 'low',
    receiver: `reader-${index}@example.org`,
  }));
  ids = await Promise.all(submissions.map((submission) => stack.submit(submission)));
});
afterAll(() => system?.drop());

const statesOf = async () => {
  const rows = await system.database.db.selectFrom('send_attempts').select('state').execute();
  return rows.map(({ state }) => state);
};

async function statuses(): Promise<Record<string, number>> {
  const rows = await system.database.db.selectFrom('emails').select('status').execute();
  const counts: Record<string, number> = {};
  for (const { status } of rows) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

describe('many e-mails at once of which Mandrill has not said that it took them', () => {
  it('are all found by its search, and their delivery by asking for each message', {
    timeout: patient(180_000),
  }, async () => {
    await until(
      'all are ambiguous at once',
      async () => {
        const states = await statesOf();
        return states.length === COUNT && states.every((state) => state === 'ambiguous');
      },
      60_000,
    );
    await system.stack.setFaults({ mandrill: SILENT });
    let seen = {};
    await until(
      () => `all are delivered (they are ${JSON.stringify(seen)})`,
      async () => {
        seen = await statuses();
        return (seen as { delivered?: number }).delivered === COUNT;
      },
      80_000,
    );
  });

  it('were sent exactly once each', async () => {
    const calls = await system.stack.acceptance();
    expect(calls.map((call) => call.email_id).sort()).toEqual([...ids].sort());
    const { db } = system.database;
    const counters = await db
      .selectFrom('counters')
      .select(['name', 'value'])
      .where('name', 'in', ['ambiguous_attempts', 'adopted_attempts', 'repeated_sends', 'known_duplicates'])
      .orderBy('name')
      .execute();
    expect(counters).toEqual([
      { name: 'adopted_attempts', value: COUNT },
      { name: 'ambiguous_attempts', value: COUNT },
    ]);
  });

  it('made no search that Mandrill refuses for its limit', async () => {
    const searches = await (await fetch(`${system.stack.sandbox}/sandbox/searches`)).json();
    expect(searches).toEqual({ answered: expect.any(Number), refused: 0 });
    expect((searches as { answered: number }).answered).toBeGreaterThan(0);
  });
});

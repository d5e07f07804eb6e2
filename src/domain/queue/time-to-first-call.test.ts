import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertAttempts } from '../../../test/support/dead.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { readTimesToFirstCall } from './time-to-first-call.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('tells how long e-mails took from their start to their first call, and which are on their way or have left it', async () => {
  const { db } = database;
  const ids = [];
  for (let n = 0; n < 5; n++) ids.push(await insertQueuedEmail(db, { priority: 'low', state: 'in_flight' }));
  const [begun, pending, backingOff, over, attached] = ids as [string, string, string, string, string];
  const atMs = Date.now() - 5_000;
  await insertAttempts(db, begun, [{ state: 'refused' }, { state: 'calling' }]);
  await db.updateTable('email_queue').set({ state: 'backing_off' }).where('email_id', '=', backingOff).execute();
  await db.deleteFrom('email_queue').where('email_id', '=', over).execute();

  await insertAttempts(db, attached, [{ state: 'calling' }]);
  await db
    .insertInto('attachments')
    .values({ email_id: attached, filename: 'a.txt', content_type: 'text/plain', size_bytes: 1, sha256: 'x' })
    .execute();

  const times = await readTimesToFirstCall(
    db,
    ids.map((emailId) => ({ emailId, atMs })),
  );
  expect(new Map(times.map(({ emailId, state }) => [emailId, state]))).toEqual(
    new Map([
      [begun, 'called'],
      [pending, 'pending'],
      [backingOff, 'left'],
      [over, 'left'],
      [attached, 'left'],
    ]),
  );
  for (const { ms } of times) expect(ms).toBeGreaterThanOrEqual(5_000);
  // Called before this start, by an earlier run of its workflow: this way has not ended.
  expect(await readTimesToFirstCall(db, [{ emailId: begun, atMs: Date.now() + 60_000 }])).toMatchObject([
    { state: 'pending' },
  ]);
  expect(await readTimesToFirstCall(db, [])).toEqual([]);
});

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, insertClient, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { transact } from '../../postgres/transaction.js';
import { PRIORITIES, type Priority } from '../../priority.js';
import { askPermission } from '../attempts/permission.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import {
  addSuppression,
  findSuppressions,
  removeSuppression,
  type SuppressionReason,
  suppressReceiver,
} from './suppressions.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.db.updateTable('provider_controls').set({ forced: 'closed' }).execute();
});
afterAll(() => database.drop());

const receiver = 'reader@example.org';

/** A client that has written to the reader, and what then became of the address. */
async function clientWith(...reasons: SuppressionReason[]): Promise<string> {
  const { id: clientId } = await insertClient(database.db);
  const emailId = await insertQueuedEmail(database.db, { clientId, receiver });
  for (const reason of reasons) {
    if (reason === 'manual') await addSuppression(database.db, clientId, receiver);
    else await transact(database.db, (trx) => suppressReceiver(trx, emailId, 1, reason));
  }
  return clientId;
}
const kept = async (clientId: string) => (await findSuppressions(database.db, clientId, {}, { limit: 10 }))[0];

async function isSent(clientId: string, priority: Priority): Promise<boolean> {
  const emailId = await insertQueuedEmail(database.db, { clientId, receiver, priority, state: 'in_flight' });
  const request = { emailId, generation: 1, provider: 'mailgun' as const, dispatchedAtMs: 0, callTimeoutMs: 1_000 };
  const permission = await askPermission(database.db, { ...request, lifetimeMs: 60_000 }, SHIPPED_STATUSES);
  if (permission.kind !== 'granted') expect(permission).toEqual({ kind: 'ended', status: 'suppressed' });
  return permission.kind === 'granted';
}
const sent = async (clientId: string) => {
  const all = await Promise.all(PRIORITIES.map((priority) => isSent(clientId, priority)));
  return PRIORITIES.filter((_, index) => all[index]);
};

describe('what a suppression concerns', () => {
  it('who unsubscribed gets no more bulk, and still their login codes', async () => {
    expect(await sent(await clientWith('unsubscribed'))).toEqual(['critical', 'medium']);
  });

  it.each(['bounced', 'complained', 'manual'] as const)('%s: everything', async (reason) => {
    expect(await sent(await clientWith(reason))).toEqual([]);
  });

  it.each(['bounced', 'complained', 'manual'] as const)('unsubscribed first, then %s: everything', async (reason) => {
    expect(await sent(await clientWith('unsubscribed', reason))).toEqual([]);
  });

  it('the address of one client only', async () => {
    await clientWith('bounced');
    expect(await sent(await clientWith())).toEqual(['critical', 'medium', 'low']);
  });
});

describe('an unsubscription beside another reason', () => {
  it.each([
    [['unsubscribed', 'bounced']],
    [['bounced', 'unsubscribed']],
    [['unsubscribed', 'manual', 'complained']],
  ] as const)('%j: is remembered, and stays when the reason is taken back', async (reasons) => {
    const clientId = await clientWith(...reasons);
    expect(await kept(clientId)).toMatchObject({ unsubscribed_at: expect.any(Date) });
    expect(await removeSuppression(database.db, clientId, receiver)).toBe(true);
    expect(await kept(clientId)).toMatchObject({ reason: 'unsubscribed', unsubscribed_at: null });
    expect(await sent(clientId)).toEqual(['critical', 'medium']);
    expect(await removeSuppression(database.db, clientId, receiver)).toBe(true);
    expect(await removeSuppression(database.db, clientId, receiver)).toBe(false);
    expect(await sent(clientId)).toEqual(['critical', 'medium', 'low']);
  });

  it('whatever comes in whatever order: the first reason but "unsubscribed" is shown, and an unsubscription never lost', async () => {
    const reason = fc.constantFrom<SuppressionReason>('bounced', 'complained', 'unsubscribed', 'manual');
    await fc.assert(
      fc.asyncProperty(fc.array(reason, { minLength: 1, maxLength: 5 }), async (reasons) => {
        const shown = await kept(await clientWith(...reasons));
        expect(shown?.reason).toBe(reasons.find((each) => each !== 'unsubscribed') ?? 'unsubscribed');
        const unsubscribed = shown?.reason === 'unsubscribed' || shown?.unsubscribed_at !== null;
        expect(unsubscribed).toBe(reasons.includes('unsubscribed'));
      }),
      { numRuns: 40 },
    );
  });
});

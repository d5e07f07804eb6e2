import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { listItems } from '../domain/recovery/items.js';
import { beginRecovery } from '../domain/recovery/recoveries.js';
import type { LoggedMessage } from '../providers/provider.js';
import type { Provider } from '../providers/registry.js';
import type { KnownRecovery } from './dependencies.js';
import { findLacking } from './lacking.js';

let database: TestDatabase;
beforeEach(async () => {
  await database?.drop();
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

const MINUTE_MS = 60_000;

/** From when on the providers' logs are read, in minutes before the point of the restore. */
async function readSince(restoredTo: Date): Promise<number> {
  const restored = { to: restoredTo, temporal: 'lost' } as const;
  const recovery = (await beginRecovery(database.db, { source: 'cli' }, restored)).recovery as KnownRecovery;
  const asked: Date[] = [];
  const provider: Provider = {
    ...{ name: 'mailgun', send: () => Promise.reject(new Error('nothing is sent here')), probe: async () => undefined },
    log: {
      ...{ keptMs: 0, lagMs: 0 },
      async readPage(since) {
        asked.push(since);
        return { messages: [], next: null };
      },
    },
  };
  const config = { messageIdDomain: 'mail.example.com', temporal: {} as never };
  const dependencies = { db: database.db, temporal: null, providers: new Map([[provider.name, provider]]), config };
  await findLacking(dependencies, recovery, { dryRun: true, stored: [] });
  return Math.round((restoredTo.getTime() - asked[0]!.getTime()) / MINUTE_MS);
}

it('is sought from shortly before the newest e-mail that the record had then: it may end before the point', async () => {
  const id = await insertQueuedEmail(database.db);
  const hourAgo = new Date(Date.now() - 60 * MINUTE_MS);
  await database.db.updateTable('emails').set({ created_at: hourAgo }).where('id', '=', id).execute();
  // Accepted since: not of the restored record.
  await insertQueuedEmail(database.db);
  expect(await readSince(new Date(Date.now() - 20 * MINUTE_MS))).toBe(50);
});

it('is sought from shortly before the point of the restore where the record had no e-mail', async () => {
  expect(await readSince(new Date(Date.now() - 20 * MINUTE_MS))).toBe(10);
});

it('is not what only looks like ours in a log: another domain, an id of another time, or of another kind', async () => {
  const now = Date.now();
  const recovery = (
    await beginRecovery(database.db, { source: 'cli' }, { to: new Date(now - MINUTE_MS), temporal: 'lost' })
  ).recovery as KnownRecovery;
  const ours = [idOf(now), idOf(now - 10 * MINUTE_MS), idOf(now)];
  const others = [idOf(now - 12 * MINUTE_MS), idOf(now + 12 * MINUTE_MS), randomUUID(), idOf(now)];
  const domains = new Map([
    [ours[2], 'mail.example.com'],
    [others[3], 'mail.example.org'],
  ]);
  const messages = [...ours, ...others].map((emailId) => ({
    emailId,
    domain: domains.get(emailId),
    isRejected: false,
  }));
  const provider: Provider = {
    ...{ name: 'mailgun', send: () => Promise.reject(new Error('nothing is sent here')), probe: async () => undefined },
    log: { keptMs: 0, lagMs: 0, readPage: async () => ({ messages: messages as LoggedMessage[], next: null }) },
  };
  const config = { messageIdDomain: 'Mail.example.com', temporal: {} as never };
  const dependencies = { db: database.db, temporal: null, providers: new Map([[provider.name, provider]]), config };
  expect((await findLacking(dependencies, recovery, { dryRun: false, stored: [] })).lacking).toBe(3);
  const listed = await listItems(database.db, recovery.id, { verdict: 'lacking', undecided: true, limit: 10 });
  expect(listed.map(({ emailId }) => emailId)).toEqual([...ours].sort());
});

/** A UUIDv7 of that time. */
const idOf = (atMs: number) =>
  `${atMs
    .toString(16)
    .padStart(12, '0')
    .replace(/^(.{8})/, '$1-')}-7${randomUUID().slice(15)}`;

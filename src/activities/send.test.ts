import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { loadConfig } from '../config.js';
import { cancelEmail } from '../domain/actions/cancel.js';
import { SHIPPED_STATUSES } from '../domain/emails/statuses.js';
import type { ActivityDependencies } from './dependencies.js';
import { sendOnce } from './send.js';
import type { SendRequest } from './types.js';

/** What cannot be sent, whatever a provider would say: on the real record, without any provider to call. */
let database: TestDatabase;
let send: (request: SendRequest) => ReturnType<typeof sendOnce>;
beforeAll(async () => {
  database = await createTestDatabase();
  const config = loadConfig({
    DATABASE_URL: database.url,
    PROVIDERS: 'smtp',
    SMTP_URL: 'smtp://127.0.0.1:9',
    STORAGE_DIR: '/nowhere',
  });
  const dependencies = {
    db: database.db,
    config,
    catalogue: SHIPPED_STATUSES,
    providers: new Map([['smtp', { name: 'smtp', send: () => Promise.reject(new Error('nobody is to be called')) }]]),
    store: { get: () => Promise.reject(new Error('gone')) },
    priority: 'medium',
    logger: pino({ level: 'silent' }),
  };
  send = (request) => sendOnce(dependencies as unknown as ActivityDependencies, request);
});
afterAll(() => database.drop());

async function insertWithLostAttachment(): Promise<string> {
  const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
  await sql`insert into attachments (email_id, filename, content_type, size_bytes, sha256, storage_path)
    values (${id}, 'a.pdf', 'application/pdf', 3, ${'0'.repeat(64)}, 'lost')`.execute(database.db);
  return id;
}
const request = (emailId: string, provider: 'mailgun' | 'smtp', hasAttachment: boolean) => ({
  ...{ emailId, provider, hasAttachment },
  ...{ generation: 1, dispatchedAtMs: 0, lastOfRound: true },
});
const outlive = (id: string) =>
  sql`update emails set due_at = due_at - interval '1 year' where id = ${id}`.execute(database.db);
const cancel = (id: string) => cancelEmail(database.db, null, id, SHIPPED_STATUSES);

describe.each([
  [
    'to a provider that is not set up here',
    async () => insertQueuedEmail(database.db, { state: 'in_flight' }),
    'mailgun',
    false,
  ],
  ['whose attachment cannot be read', insertWithLostAttachment, 'smtp', true],
] as const)('an e-mail %s', (_, insert, provider, hasAttachment) => {
  it('dies of its lifetime', async () => {
    const id = await insert();
    await outlive(id);
    expect(await send(request(id, provider, hasAttachment))).toEqual({ kind: 'ended', status: 'dead' });
  });

  it('can be cancelled', async () => {
    const id = await insert();
    expect(await cancel(id)).toMatchObject({ kind: 'cancelled' });
    expect(await send(request(id, provider, hasAttachment))).toEqual({ kind: 'ended', status: 'cancelled' });
  });
});

it('an e-mail to a provider that is not set up here waits for it, without an attempt', async () => {
  const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
  const outcome = await send(request(id, 'mailgun', false));
  expect(outcome).toMatchObject({ kind: 'not_admitted', code: 'provider_not_configured' });
  expect(await database.db.selectFrom('send_attempts').selectAll().where('email_id', '=', id).execute()).toEqual([]);
});

it('an e-mail whose attachment cannot be read waits for it: the step is tried again', async () => {
  const id = await insertWithLostAttachment();
  await expect(send(request(id, 'smtp', true))).rejects.toThrow('gone');
  expect(await database.db.selectFrom('send_attempts').selectAll().where('email_id', '=', id).execute()).toEqual([]);
});

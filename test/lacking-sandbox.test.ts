import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../sandbox/server.js';
import { loadConfig } from '../src/config.js';
import { SHIPPED_STATUSES } from '../src/domain/emails/statuses.js';
import { idDigest } from '../src/domain/personal-data/id-digest.js';
import { listItems } from '../src/domain/recovery/items.js';
import { beginRecovery, latestRecovery } from '../src/domain/recovery/recoveries.js';
import { createProviders } from '../src/providers/adapters.js';
import type { ProviderName } from '../src/providers/registry.js';
import type { KnownRecovery } from '../src/recovery/dependencies.js';
import { seekEvidence } from '../src/recovery/seek.js';
import { createFileStore } from '../src/storage/file-store.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { insertDeadEmail } from './support/dead.js';
import { insertQueuedEmail } from './support/emails.js';
import { outgoingMessage } from './support/outgoing-message.js';
import { readRecord } from './support/record.js';

/** Temporal's data are lost: what the restored record lacks is known to the providers, and to the object store. */

let sandbox: Sandbox;
let directory: string;
let database: TestDatabase;
let recovery: KnownRecovery;
// Anew for each test: what one has sent would be lacking in the record of the next.
beforeEach(async () => {
  sandbox = await startSandbox();
  directory = await mkdtemp(join(tmpdir(), 'tempost-lacking-'));
  database = await createTestDatabase();
  const restored = { to: new Date(Date.now() - 60_000), temporal: 'lost' } as const;
  recovery = (await beginRecovery(database.db, { source: 'cli' }, restored)).recovery as KnownRecovery;
});
afterEach(async () => {
  await database?.drop();
  await sandbox?.stop();
  await rm(directory, { recursive: true, force: true });
});

const config = () =>
  loadConfig({
    ...{ DATABASE_URL: database.url, PROVIDERS: 'mailgun,mandrill,smtp', SMTP_URL: 'smtp://127.0.0.1:1' },
    ...{ MAILGUN_API_KEY: sandbox.options.mailgun.apiKey, MAILGUN_DOMAIN: sandbox.options.mailgun.domain },
    ...{ MAILGUN_API_URL: sandbox.url, MAILGUN_WEBHOOK_SIGNING_KEY: 'none', STORAGE_DIR: directory },
    ...{ MANDRILL_API_KEY: sandbox.options.mandrill.apiKey, MANDRILL_API_URL: sandbox.url },
    MANDRILL_WEBHOOK_KEY: 'none',
  });

/** Has a provider take an e-mail. */
async function takenBy(name: ProviderName, emailId: string, changes: Parameters<typeof outgoingMessage>[0] = {}) {
  const provider = (await createProviders(config())).get(name)!;
  const message = outgoingMessage({
    emailId,
    messageId: `<${emailId}.1@mg.example.com>`,
    attachment: null,
    ...changes,
  });
  return provider.send(message, new AbortController().signal);
}

async function store(emailId: string): Promise<void> {
  const bytes = Buffer.from('an attachment');
  const digest = { sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '/');
  const content = () => Readable.from([bytes], { objectMode: false });
  await createFileStore(directory).put(`attachments/${day}/${emailId}`, content, digest, 'text/plain');
}

async function seek(dryRun = false) {
  const { db } = database;
  const from = config();
  const store = createFileStore(directory);
  const providers = await createProviders(from);
  const everybody = { db, catalogue: SHIPPED_STATUSES, config: from, providers, store, temporal: null };
  return seekEvidence(everybody, recovery, { dryRun });
}

const listed = async () =>
  (await listItems(database.db, recovery.id, { verdict: 'lacking', undecided: true, limit: 100 })).map(
    ({ emailId, evidence, provider, sources, stored }) => ({ emailId, evidence, provider, sources, stored }),
  );

const newId = async () => (await sql<{ id: string }>`select uuidv7() as id`.execute(database.db)).rows[0]!.id;

test('what providers took and the record lacks is listed once, with all who know of it; what it had is not', async () => {
  const [byMailgun, byMandrill, byBoth] = [await newId(), await newId(), await newId()];
  const [withFile, fileAlone, refused] = [await newId(), await newId(), await newId()];
  const [known, forgotten] = [await insertQueuedEmail(database.db, { state: 'handed_over' }), await newId()];
  await database.db
    .insertInto('forgotten_emails')
    .values({ id_digest: idDigest(sql.val(forgotten)) })
    .execute();
  for (const id of [byMailgun, byBoth, withFile, known, forgotten]) await takenBy('mailgun', id);
  // Another attempt of the same e-mail is no other e-mail; a message of somebody else is none of ours.
  await takenBy('mailgun', byMailgun, { attempt: 3 });
  await takenBy('mailgun', 'somebody-else', { messageId: '<other@mg.example.com>' });
  for (const id of [byMandrill, byBoth, known]) await takenBy('mandrill', id);
  await takenBy('mandrill', refused, { receiver: 'reject@example.com' });
  await Promise.all([store(withFile), store(fileAlone)]);

  const dry = await seek(true);
  expect(await listed()).toEqual([]);
  const done = await seek();
  expect([dry.lacking, done.lacking]).toEqual([6, 6]);
  const sent = { evidence: 'sent', stored: false };
  const lines = [
    { emailId: byMailgun, ...sent, provider: 'mailgun', sources: ['mailgun'] },
    { emailId: byMandrill, ...sent, provider: 'mandrill', sources: ['mandrill'] },
    { emailId: byBoth, ...sent, provider: 'mailgun', sources: ['mailgun', 'mandrill'] },
    { emailId: withFile, ...sent, provider: 'mailgun', sources: ['attachments', 'mailgun'], stored: true },
    { emailId: fileAlone, evidence: 'attachment', provider: null, sources: ['attachments'], stored: true },
    { emailId: refused, evidence: 'rejected', provider: 'mandrill', sources: ['mandrill'], stored: false },
  ];
  expect(await listed()).toEqual(lines);
  // Once more, as after a kill: nothing changes.
  expect((await seek()).lacking).toBe(6);
  expect(await listed()).toEqual(lines);

  const asked = (await latestRecovery(database.db))!.sources!;
  expect(asked).toEqual(done.sources);
  expect(asked.map(({ source, found }) => [source, found])).toEqual([
    ...[['temporal', 0], ['attachments', 2], ['mailgun', 3], ['mandrill', 3], ['smtp', 0]], // biome-ignore format: a table
  ]);
  const codes = asked.map(({ limits }) => limits.map(({ code }) => code));
  expect(codes).toEqual([['data_lost'], [], ['may_lag'], ['may_lag'], ['no_log']]);
});

test('a key that may only send is said, and what others know is listed all the same', async () => {
  const [byMailgun, byMandrill] = [await newId(), await newId()];
  await takenBy('mailgun', byMailgun);
  await takenBy('mandrill', byMandrill);
  sandbox.setFaults({ mailgun: { wrongKey: true } });
  const { sources } = await seek();
  const ids = (await listed()).map(({ emailId }) => emailId);
  expect(ids).toContain(byMandrill);
  expect(ids).not.toContain(byMailgun);
  const { limits } = sources.find(({ source }) => source === 'mailgun')!;
  expect(limits).toContainEqual({ code: 'not_read', detail: 'http_401' });
});

test('what Mandrill rejected is not taken for sent: it is held, and what was dead stays dead', async () => {
  const receiver = 'reject@example.com';
  const [waiting, dead] = [
    await insertQueuedEmail(database.db, { receiver }),
    await insertDeadEmail(database.db, { priority: 'low' }),
  ];
  // Accepted before the recovery began.
  await database.db.updateTable('recoveries').set({ begun_at: sql<Date>`clock_timestamp()` }).execute();
  recovery = (await latestRecovery(database.db)) as KnownRecovery;
  for (const id of [waiting, dead])
    expect(await takenBy('mandrill', id, { receiver })).toMatchObject({ kind: 'rejected' });
  expect(await seek()).toMatchObject({ sent: 0, unknown: 1, unsent: 1 });
  const record = readRecord(database.db);
  expect([await record.statusOf({ id: waiting }), await record.statusOf({ id: dead })]).toEqual(['queued', 'dead']);
});

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { sql } from 'kysely';
import { noteStored } from '../../../src/domain/emails/attachments.js';
import { SHIPPED_STATUSES } from '../../../src/domain/emails/statuses.js';
import { beginJob, findJob, type Job, listJobs } from '../../../src/domain/jobs/jobs.js';
import { runSlice } from '../../../src/domain/jobs/run-slice.js';
import type { Periods } from '../../../src/domain/retention/periods.js';
import { ensurePartitions, uuidFloor } from '../../../src/postgres/partitions.js';
import { createFileStore } from '../../../src/storage/file-store.js';
import { startTestApi, TEST_DEADLINE_MS } from '../api.js';
import { insertClient, type TestClient } from '../database.js';
import { insertAttempts } from '../dead.js';
import { apiConfig } from '../measured/api-config.js';
import { sha256 } from '../stack.js';

export const BYTES = Buffer.from('what was attached');
export const OFF: Periods = { content: null, record: null };
export const DAY_MS = 86_400_000;

export interface Old {
  readonly daysAgo: number;
  readonly client: TestClient;
  readonly status?: string;
  readonly attached?: boolean;
  /** Its place in the queue, when it has one. */
  readonly state?: 'held' | 'handed_over';
  readonly isDead?: boolean;
}

export type RetentionWorld = Awaited<ReturnType<typeof startRetentionWorld>>;

/** An api with an object store and months behind, in which there can be e-mails of long ago, and retention. */
export async function startRetentionWorld() {
  const directory = mkdtempSync(join(tmpdir(), 'tempost-retention-'));
  const store = createFileStore(directory);
  const api = await startTestApi({}, { storage: { ...apiConfig('').storage, directory } });
  const admin = await insertClient(api.db, { keyColumns: { role: 'admin', scopes: [] } });
  for (let months = 1; months <= 14; months++) {
    await ensurePartitions(api.db, new Date(Date.now() - months * 31 * DAY_MS));
  }
  const { db } = api;
  const emails = createOldEmails(db, store);
  return {
    ...{ api, db, store, admin },
    ...emails,
    ...createRetainer(db, store),
    client: (columns: object = {}) =>
      insertClient(db, { columns, keyColumns: { scopes: ['send', 'read', 'content'] } }),
    objects: () =>
      readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name),
    stop: async () => {
      await api.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

type Db = Parameters<typeof findJob>[0];
type Store = ReturnType<typeof createFileStore>;

function createOldEmails(db: Db, store: Store) {
  let made = 0;
  const emailOf = (id: string) => db.selectFrom('emails').selectAll().where('id', '=', id).executeTakeFirst();
  /** An e-mail of long ago, with an event and an attempt. @returns its id. */
  async function insertOld({ daysAgo, client, status = 'delivered', attached, state, isDead }: Old): Promise<string> {
    const at = new Date(Date.now() - daysAgo * DAY_MS);
    const id = uuidFloor(at).slice(0, -6) + (++made).toString(16).padStart(6, '0');
    await sql`insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content, alternative,
      content_type, status, created_at, due_at, deadline_at)
    values (${id}, ${client.id}, 'low', 'sender@example.com', 'reader@example.org', 'reader@example.org', 'Subject',
      '<p>Secret</p>', 'Secret', 'text/html', ${status}, ${at}, ${at}, ${at})`.execute(db);
    await sql`insert into email_events (email_id, event_key, type, generation, occurred_at)
    values (${id}, 'tempost:g1:queued', 'queued', 1, ${at})`.execute(db);
    await insertAttempts(db, id, [{ state: 'accepted' }]);
    if (attached) await attach(id);
    if (state) {
      await sql`insert into email_queue (email_id, priority, generation, state, due_at)
      values (${id}, 'low', 1, ${state}, ${at})`.execute(db);
    }
    if (isDead)
      await db.insertInto('dead_emails').values({ email_id: id, generation: 1, reason: 'ambiguous' }).execute();
    return id;
  }

  /** Many of them, without anything beside. */
  async function insertMany(count: number, { daysAgo, client }: Old): Promise<void> {
    const at = new Date(Date.now() - daysAgo * DAY_MS);
    const first = uuidFloor(at).slice(0, -6);
    await sql`insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content,
      content_type, status, created_at, due_at, deadline_at)
    select (${first} || lpad(to_hex(${made}::int + n), 6, '0'))::uuid, ${client.id}, 'low', 'sender@example.com',
      'reader@example.org', 'reader@example.org', 'Subject', 'Secret', 'text/plain', 'delivered', ${at}, ${at}, ${at}
    from generate_series(1, ${count}::int) n`.execute(db);
    made += count;
  }

  async function attach(id: string): Promise<void> {
    const digest = { sizeBytes: BYTES.length, sha256: sha256(BYTES) };
    await sql`insert into attachments (email_id, filename, content_type, size_bytes, sha256)
    values (${id}, 'a.pdf', 'application/pdf', ${digest.sizeBytes}, ${digest.sha256})`.execute(db);
    const open = () => Readable.from([BYTES], { objectMode: false });
    await noteStored(db, id, await store.put(`attachments/${id}`, open, digest, 'application/pdf'));
  }

  return {
    insertOld,
    insertMany,
    exists: async (id: string) => (await emailOf(id)) !== undefined,
    hasContent: async (id: string) => (await emailOf(id))?.content !== '',
    /** Looks at those that had to stay without waiting for an hour. */
    lookAgain: () =>
      sql`update retention_deferred set look_at = now() where look_at < now() + interval '2 hours'`.execute(db),
  };
}

function createRetainer(db: Db, store: Store) {
  /** The jobs that go on, slice by slice, as their workflows do it. */
  async function runJobs(signal = new AbortController().signal): Promise<void> {
    const context = {
      db: db,
      catalogue: SHIPPED_STATUSES,
      deadlineMs: TEST_DEADLINE_MS,
      providers: [],
      store,
      wake: () => {},
      tell: () => {},
    };
    for (;;) {
      const jobs = [...(await listJobs(db, { state: 'planning' }, { limit: 9 }))];
      jobs.push(...(await listJobs(db, { state: 'running' }, { limit: 9 })));
      if (jobs.length === 0) return;
      for (const { id } of jobs) await runSlice(context, id, { sliceMs: 100, signal });
    }
  }

  /** A day's retention. @returns its job. */
  async function retain(configured: Periods = OFF): Promise<Job> {
    const id = (await beginJob(db, {
      kind: 'retention',
      parameters: { configured },
      reason: 'test',
      ratePerS: 500,
    }))!;
    await runJobs();
    return (await findJob(db, id))!;
  }

  return { runJobs, retain };
}

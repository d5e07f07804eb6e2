import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { CHUNK_BYTES, ChunkStaging, sweepOrphanChunks } from './chunks.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function* pieces(...sizes: number[]) {
  for (const size of sizes) yield Buffer.alloc(size, 1);
}

const stagedIds = async () =>
  new Set((await database.db.selectFrom('attachment_chunks').select('email_id').execute()).map((row) => row.email_id));

/** Stages chunks under an id made that long ago. */
async function stageEarlier(interval: string): Promise<string> {
  const { rows } = await sql<{ email_id: string }>`
    with fresh as (select uuidv7(${interval}::interval) as id)
    insert into attachment_chunks (email_id, seq, data)
    select id, seq, '\\x01' from fresh, generate_series(0, 2) as seq returning email_id`.execute(database.db);
  return rows[0]!.email_id;
}

it('cuts any pieces into chunks of 256 KiB', async () => {
  const staging = new ChunkStaging(database.db);
  const digest = await staging.write(pieces(1, CHUNK_BYTES * 2, 0, 7));
  expect(digest.sizeBytes).toBe(CHUNK_BYTES * 2 + 8);
  const chunks = await sql<{ size: number }>`select length(data) as size from attachment_chunks
    where email_id = ${staging.emailId} order by seq`.execute(database.db);
  expect(chunks.rows.map((row) => row.size)).toEqual([CHUNK_BYTES, CHUNK_BYTES, 8]);
  await staging.discard();
  expect(await stagedIds()).toEqual(new Set());
});

it('stages nothing for an empty attachment', async () => {
  const staging = new ChunkStaging(database.db);
  expect(await staging.write(pieces())).toMatchObject({ sizeBytes: 0 });
  expect(staging.emailId).toBeUndefined();
});

it('sweeps chunks of an hour ago that no e-mail claims, and no others', async () => {
  const orphan = await stageEarlier('-61 minutes');
  const recent = await stageEarlier('-59 minutes');
  const claimed = await stageEarlier('-2 hours');
  await sql`insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content,
      content_type, status, created_at, due_at, deadline_at)
    values (${claimed}, uuidv7(), 'low', 'a@example.com', 'b@example.com', 'b@example.com', 's', 'c', 'text/plain',
      'queued', now(), now(), now())`.execute(database.db);
  await sql`insert into attachments (email_id, filename, content_type, size_bytes, sha256)
    values (${claimed}, 'a', 'text/plain', 3, 'x')`.execute(database.db);
  expect(await sweepOrphanChunks(database.db)).toBe(1);
  expect(await stagedIds()).toEqual(new Set([recent, claimed]));
  expect(await stagedIds()).not.toContain(orphan);
  expect(await sweepOrphanChunks(database.db)).toBe(0);
});

import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import {
  ACCEPTED,
  AMBIGUOUS,
  begin,
  database,
  directory,
  restoreRecords,
  run,
  seek,
  sourcesOf,
  taken,
  verdictOf,
} from '../../test/support/lives/restored-record.js';
import { until } from '../../test/support/until.js';
import { listItems } from '../domain/recovery/items.js';
import { createFileStore } from '../storage/file-store.js';

restoreRecords();

describe('what the restored record lacks', () => {
  it('is listed with what remains: its workflow, who took it, its attachment', async () => {
    const [sent, stored] = [randomUUID(), randomUUID()];
    await run(sent, ACCEPTED, 1);
    const bytes = Buffer.from('an attachment');
    const digest = { sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    const day = new Date().toISOString().slice(0, 10).replaceAll('-', '/');
    const content = () => Readable.from([bytes], { objectMode: false });
    await createFileStore(directory).put(`attachments/${day}/${stored}`, content, digest, 'text/plain');
    const recovery = await begin();
    // The index of workflows lags.
    await until('the workflow is listed', async () => {
      await seek(recovery);
      return (await verdictOf(recovery, sent)) !== undefined;
    });
    expect(await verdictOf(recovery, sent)).toEqual(['lacking', 'sent', 'mailgun']);
    expect(await verdictOf(recovery, stored)).toEqual(['lacking', 'attachment', null]);
    expect(await sourcesOf(recovery, sent)).toEqual(['temporal']);
    expect(await sourcesOf(recovery, stored)).toEqual(['attachments']);
  });

  it('is one line for an e-mail that Temporal doubts and a provider has, which was sent', async () => {
    const id = (await sql<{ id: string }>`select uuidv7() as id`.execute(database.db)).rows[0]!.id;
    await run(id, AMBIGUOUS, 2);
    taken.set(id, { generation: 1, attempt: 1 });
    const recovery = await begin();
    await until('the workflow is listed', async () => {
      await seek(recovery);
      return (await sourcesOf(recovery, id))?.includes('temporal') ?? false;
    });
    expect(await verdictOf(recovery, id)).toEqual(['lacking', 'sent', 'mailgun']);
    expect(await sourcesOf(recovery, id)).toEqual(['mailgun', 'temporal']);
    // Other tests have workflows in this namespace, which this record lacks as well.
    const items = await listItems(database.db, recovery.id, { verdict: 'lacking', undecided: true, limit: 1_000 });
    expect(items.filter(({ emailId }) => emailId === id)).toHaveLength(1);
  });
});

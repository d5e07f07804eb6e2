import type { Readable } from 'node:stream';
import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { findAttachment } from '../emails/attachments.js';
import { openAttachment } from '../emails/content.js';
import { pseudonym } from '../suppressions/pseudonyms.js';
import { tarEnd, tarHead, tarPadding } from './tar.js';

interface ExportSources {
  readonly db: Db;
  readonly store: { open(storagePath: string): Promise<Readable> };
}

/** Looked up at a time. */
const PAGE = 100;

/**
 * Everything that is kept of whoever has an address, as one tar archive: `emails/<id>.json` holds an e-mail with its
 * events and attempts, `attachments/<id>` the bytes of its attachment, `suppressions.json` and `webhooks.json` the rest.
 * It is made while it is read, and kept nowhere.
 *
 * @param address bare and in lower case.
 * @throws what the database or the object store throws; an archive that ends early lacks its end, and unpackers say so.
 */
export async function* exportArchive({ db, store }: ExportSources, address: string): AsyncGenerator<Buffer> {
  yield* jsonFile('suppressions.json', await suppressionsOf(db, address));
  yield* jsonFile('webhooks.json', await webhooksOf(db, address));
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const ids = await nextEmails(db, address, after);
    for (const id of ids) {
      const whole = await wholeEmail(db, id);
      // Forgotten, or dropped with its month, while this was read.
      if (!whole) continue;
      yield* jsonFile(`emails/${id}.json`, whole);
      yield* attachmentFile({ db, store }, id);
    }
    if (ids.length < PAGE) break;
    after = ids.at(-1)!;
  }
  yield tarEnd();
}

async function nextEmails(db: Db, address: string, after: string): Promise<string[]> {
  const rows = await db
    .selectFrom('emails')
    .select('id')
    .where('receiver_address', '=', address)
    .where('id', '>', after)
    .orderBy('id')
    .limit(PAGE)
    .execute();
  return rows.map(({ id }) => id);
}

async function wholeEmail(db: Db, id: string): Promise<object | undefined> {
  const { rows } = await sql<{ whole: object }>`
    select to_jsonb(e) || jsonb_build_object(
      'attachment', (select to_jsonb(a) - 'email_id' from attachments a where a.email_id = ${id}),
      'events', (select coalesce(jsonb_agg(to_jsonb(v) - 'email_id' order by v.recorded_at), '[]')
        from email_events v where v.email_id = ${id}),
      'attempts', (select coalesce(jsonb_agg(to_jsonb(t) - 'email_id' order by t.attempt), '[]')
        from send_attempts t where t.email_id = ${id})) as whole
    from emails e where e.id = ${id}`.execute(db);
  return rows[0]?.whole;
}

async function suppressionsOf(db: Db, address: string): Promise<object[]> {
  const { rows } = await sql<object>`
    select s.*, c.name as client from suppressions s join clients c on c.id = s.client_id
    where s.address in (${address}, ${pseudonym(address)}) order by s.created_at`.execute(db);
  return rows;
}

async function webhooksOf(db: Db, address: string): Promise<object[]> {
  const { rows } = await sql<object>`
    select * from unmatched_webhooks where position(${address} in lower(concat(body, event))) > 0`.execute(db);
  return rows;
}

function* jsonFile(name: string, content: object): Generator<Buffer> {
  const bytes = Buffer.from(`${JSON.stringify(content, null, 2)}\n`);
  yield tarHead(name, bytes.length, new Date());
  yield bytes;
  yield tarPadding(bytes.length);
}

async function* attachmentFile({ db, store }: ExportSources, id: string): AsyncGenerator<Buffer> {
  const attachment = await findAttachment(db, id);
  if (!attachment || attachment.removedAt) return;
  yield tarHead(`attachments/${id}`, attachment.sizeBytes, new Date());
  let left = attachment.sizeBytes;
  for await (const chunk of await openAttachment(db, store, id, attachment)) {
    left -= (chunk as Buffer).length;
    yield chunk as Buffer;
  }
  // An upload that ended meanwhile has taken the spool away, or the object is not what was accepted.
  if (left !== 0) throw new Error('an attachment could not be read to its end');
  yield tarPadding(attachment.sizeBytes);
}

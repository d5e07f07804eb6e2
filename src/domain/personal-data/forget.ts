import { sql } from 'kysely';
import { addressOf } from '../../address.js';
import type { Db } from '../../postgres/database.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import { pseudonym } from '../suppressions/pseudonyms.js';
import { idDigest } from './id-digest.js';
import { removeObject } from './objects.js';

interface ForgetOptions {
  /** No e-mail is begun after this, in milliseconds since 1970. */
  readonly endsAtMs: number;
}

/** What was forgotten; `complete`: nothing is left. */
export interface Forgotten {
  readonly emails: number;
  readonly complete: boolean;
}

/** Looked up at a time; each is a transaction of its own. */
const PAGE = 100;

/** An idempotency key lives for two days; beyond that none is looked for, since that reads all of them. */
const KEYS_MS = 3 * 24 * 60 * 60_000;

/**
 * Forgets whoever has an address: the e-mails to it with everything that belongs to them, whatever state they are in, and
 * what else holds it. Suppressions stay under a pseudonym, so that the address is still not written to; counts stay. Ended
 * half-way it is begun again, and goes on.
 *
 * @param address bare and in lower case.
 */
export async function forget(db: Db, address: string, { endsAtMs }: ForgetOptions): Promise<Forgotten> {
  let emails = 0;
  for (;;) {
    const ids = await findEmails(db, address, PAGE);
    for (const id of ids) {
      if (Date.now() >= endsAtMs) return { emails, complete: false };
      await transact(db, (trx) => forgetEmail(trx, id, address));
      emails++;
    }
    if (ids.length < PAGE) break;
  }
  await forgetElsewhere(db, address);
  return { emails, complete: true };
}

/** How many e-mails there are to an address. @param most it counts no further. */
export async function countEmails(db: Db, address: string, most: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from (select from emails where receiver_address = ${address} limit ${most}) as theirs`.execute(
    db,
  );
  return rows[0]!.n;
}

async function findEmails(db: Db, address: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('emails')
    .select('id')
    .where('receiver_address', '=', address)
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

/** Everything of one e-mail. Whoever still works on it finds that it is gone, and sends nothing. */
async function forgetEmail(trx: Trx, id: string, address: string): Promise<void> {
  const email = await trx
    .selectFrom('emails')
    .select(['sender', 'created_at'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (!email) return;
  await redactNotices(trx, id, addressOf(email.sender), address);
  const stored = await trx
    .selectFrom('attachments')
    .select('storage_path')
    .where('email_id', '=', id)
    .executeTakeFirst();
  if (stored?.storage_path) await removeObject(trx, id, stored.storage_path);
  if (Date.now() - email.created_at.getTime() < KEYS_MS) {
    await trx.deleteFrom('idempotency_keys').where('email_id', '=', id).execute();
  }
  for (const table of ['email_queue', 'pending_signals', 'look_ups', 'dead_emails', 'late_emails'] as const) {
    await trx.deleteFrom(table).where('email_id', '=', id).execute();
  }
  for (const table of ['attachment_chunks', 'attachments', 'send_attempts', 'email_events'] as const) {
    await trx.deleteFrom(table).where('email_id', '=', id).execute();
  }
  await trx.updateTable('suppressions').set({ email_id: null }).where('email_id', '=', id).execute();
  // That somebody did something stays, and who.
  await trx
    .updateTable('audit_log')
    .set({ target_id: '[forgotten]' })
    .where('target_kind', '=', 'email')
    .where('target_id', '=', id)
    .execute();
  await trx.deleteFrom('emails').where('id', '=', id).execute();
  // Temporal knows its workflow still: a record that lacks an e-mail without a reason is taken for one that was restored.
  // A digest of its id does for that, and nothing that anybody looks for is left.
  await trx
    .insertInto('forgotten_emails')
    .values({ id_digest: idDigest(sql.val(id)) })
    .execute();
}

/** What senders were told of its failure names the receiver: they keep the notice, without the name. */
async function redactNotices(trx: Trx, id: string, sender: string, address: string): Promise<void> {
  const pattern = address.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  await sql`update emails set
      content = regexp_replace(content, ${pattern}, '[forgotten]', 'gi'),
      alternative = regexp_replace(alternative, ${pattern}, '[forgotten]', 'gi'),
      subject = regexp_replace(subject, ${pattern}, '[forgotten]', 'gi')
    where receiver_address = ${sender} and notice_for is not null and id > ${id}
      and position(${address} in lower(content || coalesce(alternative, '') || subject)) > 0`.execute(trx);
}

/** What holds the address without being an e-mail to it. */
async function forgetElsewhere(db: Db, address: string): Promise<void> {
  await transact(db, async (trx) => {
    // Two for one client may meet in one pseudonym: the one that is there already stands.
    await sql`insert into suppressions (client_id, address, reason, email_id, created_at, unsubscribed_at)
      select client_id, ${pseudonym(address)}, reason, null, created_at, unsubscribed_at
      from suppressions where address = ${address} on conflict do nothing`.execute(trx);
    await trx.deleteFrom('suppressions').where('address', '=', address).execute();
  });
  await sql`delete from unmatched_webhooks where position(${address} in lower(concat(body, event))) > 0`.execute(db);
  // What operators asked for, by a filter with the address; one that is stopped cannot go on without it.
  await sql`update jobs set parameters = '{"forgotten": true}', cursor = null,
      reason = case when position(${address} in lower(reason)) > 0 then '[forgotten]' else reason end,
      code = case when state = 'stopped' then 'forgotten' else code end,
      ended_at = case when state = 'stopped' then clock_timestamp() else ended_at end,
      state = case when state = 'stopped' then 'failed' else state end
    where state not in ('planning', 'running')
      and position(${address} in lower(concat(parameters, cursor, reason))) > 0`.execute(db);
  await sql`update holds set reason = '[forgotten]' where position(${address} in lower(reason)) > 0`.execute(db);
  await sql`update audit_log set reason = '[forgotten]' where position(${address} in lower(reason)) > 0`.execute(db);
}

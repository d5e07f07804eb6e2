import { sql } from 'kysely';
import { addressOf } from '../../address.js';
import type { Db } from '../../postgres/database.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import { maySend } from '../clients/senders.js';
import { generationEvent, rowOf, toRow } from '../emails/event-rows.js';
import { insertEmail } from '../emails/insert.js';
import { digestOf, type FailedEmail, noticeOf } from './notice-text.js';

/** How many of the untold a digest lists. */
const LISTED = 50;

/** Who tells, how often in an hour, and the service level of a notice. */
interface NoticePolicy {
  readonly sender: string;
  readonly perHour: number;
  readonly deadlineMs: number;
}

/** Sets the policy for every process; without one nobody is told. */
export async function setNoticePolicy(db: Db, { sender, perHour, deadlineMs }: NoticePolicy): Promise<void> {
  const policy = { sender, per_hour: perHour, deadline_ms: deadlineMs };
  await db
    .insertInto('notice_policy')
    .values(policy)
    .onConflict((conflict) => conflict.column('only_row').doUpdateSet(policy))
    .execute();
}

/**
 * Tells the sender that an e-mail has finally failed, by a new e-mail written in the transaction that records the
 * failure: once a generation, unless the client has switched it off. A notice is never the cause of another. Past the
 * bound for an hour a failure is only counted, for the digest.
 *
 * @param email locked in this transaction.
 * @param status what it has just become: one that senders are told of.
 */
export async function notifySender(
  trx: Trx,
  email: { readonly id: string; readonly generation: number },
  status: string,
): Promise<void> {
  const policy = await policyFor(trx, email.id);
  if (!policy) return;
  // The notice goes to the sender address: never to one that the client may not send as.
  if (!policy.any_sender && !(await maySend(trx, policy.client_id, addressOf(policy.sender)))) return;
  if (!(await markTold(trx, email))) return;

  const address = addressOf(policy.sender);
  if (!(await mayTell(trx, policy.client_id, address, policy.per_hour, email.id))) return;
  const [failed] = await readFailures(trx, [email.id]);
  await writeNotice(trx, { ...policy, receiver: policy.sender, ...noticeOf({ ...failed!, status }), about: email.id });
}

/** @returns undefined when the sender is not to be told. */
async function policyFor(trx: Trx, emailId: string) {
  const { rows } = await sql<{
    client_id: string;
    sender: string;
    from: string;
    per_hour: number;
    deadline_ms: number;
    any_sender: boolean;
  }>`
    select e.client_id, e.sender, p.sender as from, p.per_hour, p.deadline_ms, c.any_sender
    from emails e join clients c on c.id = e.client_id cross join notice_policy p
    where e.id = ${emailId} and e.notice_for is null and c.failure_notices`.execute(trx);
  return rows[0];
}

/** The event is the guard: what is told is told once. */
async function markTold(trx: Trx, { id, generation }: { id: string; generation: number }): Promise<boolean> {
  const marked = await trx
    .insertInto('email_events')
    .values(rowOf(toRow(id, generationEvent(generation, 'sender_told'))))
    .onConflict((conflict) => conflict.columns(['email_id', 'event_key']).doNothing())
    .returning('event_key')
    .executeTakeFirst();
  return marked !== undefined;
}

/**
 * Takes one of the sender's places in the current hour. An hour that has something untold lasts until its digest, so
 * that a stream of failures ends in digests.
 */
async function mayTell(
  trx: Trx,
  clientId: string,
  address: string,
  perHour: number,
  emailId: string,
): Promise<boolean> {
  const { rows } = await sql<{ tell: boolean }>`
    insert into failure_notices as n (client_id, sender, window_from, told) values (${clientId}, ${address}, now(), 1)
    on conflict (client_id, sender) do update set
      window_from = case when n.untold = 0 and n.window_from < now() - interval '1 hour' then now() else n.window_from end,
      told = case when n.untold > 0 then n.told
        when n.window_from < now() - interval '1 hour' then 1
        else least(n.told + 1, ${perHour}) end,
      untold = case when n.untold > 0 or (n.window_from >= now() - interval '1 hour' and n.told >= ${perHour})
        then n.untold + 1 else 0 end,
      untold_ids = case when n.untold > 0 or (n.window_from >= now() - interval '1 hour' and n.told >= ${perHour})
        then (n.untold_ids || ${emailId}::uuid)[1:${sql.lit(LISTED)}] else '{}' end
    returning untold = 0 as tell`.execute(trx);
  return rows[0]!.tell;
}

/**
 * Sends the digests whose hour is over, several dispatchers side by side.
 *
 * @returns how many; when it is `limit` there may be more.
 */
export async function sendDigests(db: Db, limit: number): Promise<number> {
  return transact(db, async (trx) => {
    const { rows } = await sql<{
      client_id: string;
      sender: string;
      untold: number;
      untold_ids: string[];
      from: string;
      deadline_ms: number;
    }>`
      with due as materialized (
        select client_id, sender, untold, untold_ids from failure_notices
        where untold > 0 and window_from < now() - interval '1 hour'
        order by window_from limit ${limit} for update skip locked),
      reset as (
        update failure_notices n set window_from = now(), told = 1, untold = 0, untold_ids = '{}'
        from due where n.client_id = due.client_id and n.sender = due.sender)
      select due.*, p.sender as from, p.deadline_ms from due cross join notice_policy p`.execute(trx);
    for (const { untold, untold_ids, sender, ...policy } of rows) {
      if (!(await maySend(trx, policy.client_id, sender))) continue;
      const failures = await readFailures(trx, untold_ids);
      await writeNotice(trx, {
        ...policy,
        receiver: sender,
        ...digestOf(untold, failures),
        about: untold_ids[0]!,
      });
    }
    return rows.length;
  });
}

/** What there is to say of failed e-mails; read one by one, since only `= constant` prunes partitions. */
async function readFailures(trx: Trx, ids: readonly string[]): Promise<FailedEmail[]> {
  const failures: FailedEmail[] = [];
  for (const id of ids) {
    const { rows } = await sql<FailedEmail>`
      select e.id, e.status, e.receiver, e.subject, e.created_at,
        (select d.reason from dead_emails d where d.email_id = ${id} and d.generation = e.generation) as reason,
        (select t.code from send_attempts t where t.email_id = ${id} and t.generation = e.generation
          order by attempt desc limit 1) as code
      from emails e where e.id = ${id}`.execute(trx);
    failures.push(...rows);
  }
  return failures;
}

async function writeNotice(
  trx: Trx,
  notice: {
    readonly client_id: string;
    readonly from: string;
    readonly deadline_ms: number;
    readonly receiver: string;
    readonly subject: string;
    readonly content: string;
    readonly about: string;
  },
): Promise<void> {
  const { rows } = await sql<{ id: string; now: Date }>`
    select uuidv7() as id, date_trunc('milliseconds', clock_timestamp()) as now`.execute(trx);
  const submission = {
    clientId: notice.client_id,
    priority: 'medium',
    sender: notice.from,
    receiver: notice.receiver,
    receiverAddress: addressOf(notice.receiver),
    subject: notice.subject,
    content: notice.content,
    contentType: 'text/plain',
    replyTo: null,
    metadata: { notice_for: notice.about },
    tags: [],
    sendAt: null,
    deadlineMs: notice.deadline_ms,
    attachment: null,
    idempotency: null,
    noticeFor: notice.about,
  } as const;
  await insertEmail(trx, submission, rows[0]!.id, rows[0]!.now);
}

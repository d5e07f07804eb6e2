import { performance } from 'node:perf_hooks';
import { sql } from 'kysely';
import { domainOf } from '../../address.js';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import type { AttemptState } from '../../postgres/schema.js';
import { compileOnce } from '../../postgres/statements/compile-once.js';
import { later, type Trx, transact } from '../../postgres/transaction.js';
import type { Priority } from '../../priority.js';
import { bury } from '../dead-letters/dead-letters.js';
import type { EmailContent } from '../emails/content.js';
import { generationEvent, type LockedEmail, readEvents, withEvents } from '../emails/events.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import { activeHold, concernsEmail } from '../holds/match.js';
import { readStanding, reserveCall } from '../provider-health/reserve-call.js';
import { isSuppressed } from '../suppressions/suppressions.js';
import { recordEvents } from '../transitions/record.js';
import { type AttemptId, attemptEvent } from './transitions.js';

interface PermissionRequest {
  readonly emailId: string;
  readonly generation: number;
  readonly provider: ProviderName;
  /** When the workflow was started, in milliseconds since 1970. */
  readonly dispatchedAtMs: number;
  /** The longest the call may take for a message of no size, and how much longer for each MB of it. */
  readonly callTimeoutMs: number;
  readonly callTimeoutPerMbMs?: number;
  readonly attachmentBytes?: number;
  /** Acceptance (or the scheduled time) to giving up, for this e-mail's priority. */
  readonly lifetimeMs: number;
  /** Why no call can be made, whatever the record says. Then the only question is whether the e-mail has ended. */
  readonly impossible?: string;
}

/** An e-mail as it is to be sent, read under the lock that gave the permission. */
export interface SendableEmail extends Omit<EmailContent, 'content_removed_at'> {
  readonly priority: Priority;
  /** False: opens are not tracked. */
  readonly track_opens: boolean | null;
  readonly tags: readonly string[];
  /** Set when it tells its sender of a failure. */
  readonly notice_for: string | null;
  /** What its unsubscribe link is signed with; null when it has none. */
  readonly unsubscribe_key: Buffer | null;
}

export type Permission =
  /** Call now, once, and be done by `abortAt` (of `performance.now()`). */
  | {
      readonly kind: 'granted';
      readonly attempt: number;
      readonly abortAt: number;
      readonly email: SendableEmail;
      /** Attachment and bodies together. */
      readonly sizeBytes: number;
      /** The provider's health says more than "all is well": its success is worth writing down. */
      readonly noted: boolean;
      /** How long it has been due, by the database's clock, in milliseconds. */
      readonly dueForMs: number;
    }
  /** A provider has it already. */
  | { readonly kind: 'accepted'; readonly provider: ProviderName }
  /** Another call is open and may still be going on. */
  | { readonly kind: 'busy'; readonly waitMs: number }
  /** An earlier call's outcome is unknown: reconcile first. */
  | { readonly kind: 'ambiguous' }
  /** The provider may not be called now (breaker, quota, switch); no attempt was made. */
  | { readonly kind: 'not_admitted'; readonly code: string; readonly waitMs: number }
  /** It must not be sent any more; the status says why. */
  | { readonly kind: 'ended'; readonly status: string };

const MB = 1024 * 1024;

/** The code of an e-mail that a hold concerns. */
export const HELD = 'held';

/** After this long an e-mail asks again if only an operator can make the call possible. */
const IMPOSSIBLE_WAIT_MS = 15_000;

/**
 * Permission to call a provider, in one transaction under the e-mail's row lock: nothing has been accepted in this
 * generation, no call is open, and nothing forbids sending. The attempt's row is committed before the call begins, so
 * a reset, a worker that wakes from a freeze, or a second worker can never call beside the first.
 */
export async function askPermission(
  db: Db,
  request: PermissionRequest,
  catalogue: StatusCatalogue,
): Promise<Permission> {
  return transact(db, async (trx) => {
    // One round trip for all reads. What is read after the lock includes everything that others committed before it.
    const { emailId, generation } = request;
    const locking = lockForSending(trx, { emailId, lifetimeS: request.lifetimeMs / 1000 }).then(([row]) => row);
    const [email, known, standing] = await Promise.all([
      withEvents(locking, readEvents(trx, emailId)),
      attemptsOf(trx, { emailId, generation }),
      readStanding(trx, request.provider),
    ]);
    if (!email) return { kind: 'ended', status: 'deleted' };
    if (email.generation !== request.generation) return { kind: 'ended', status: email.status };

    const { holdId, attempts } = known;
    const accepted = attempts.find((attempt) => attempt.state === 'accepted');
    if (accepted) return { kind: 'accepted', provider: accepted.provider };
    const open = attempts.find((attempt) => attempt.state === 'calling');
    if (open && open.open_ms > 0) return { kind: 'busy', waitMs: open.open_ms };
    if (open || attempts.some((attempt) => attempt.state === 'ambiguous')) return { kind: 'ambiguous' };

    const rule = catalogue.get(email.status);
    // A status that survives and is not final: an earlier generation turns out to have been sent.
    if (rule?.final || rule?.survives) return { kind: 'ended', status: email.status };
    if (email.suppressed) return { kind: 'ended', status: await endAsSuppressed(trx, email, catalogue) };
    // Checked before the lifetime, which stands still while an e-mail is held.
    if (holdId) return { kind: 'not_admitted', code: HELD, waitMs: IMPOSSIBLE_WAIT_MS };
    if (email.past_lifetime && (await isLifetimeOver(trx, request))) {
      return { kind: 'ended', status: await bury(trx, email, 'lifetime_over', catalogue) };
    }
    if (request.impossible) return { kind: 'not_admitted', code: request.impossible, waitMs: IMPOSSIBLE_WAIT_MS };
    const domain = domainOf(email.sender);
    const reservation = await reserveCall(trx, request.provider, email.priority, domain, standing);
    if (!reservation.reserved) return { kind: 'not_admitted', code: reservation.code, waitMs: reservation.waitMs };

    const attempt = (attempts[0]?.attempt ?? 0) + 1;
    const bodyBytes = Buffer.byteLength(email.content) + Buffer.byteLength(email.alternative ?? '');
    const sizeBytes = (request.attachmentBytes ?? 0) + bodyBytes;
    const callMs = request.callTimeoutMs + ((request.callTimeoutPerMbMs ?? 0) * sizeBytes) / MB;
    // Read before the row is written: so our abort comes before the row's `call_until`, however the clocks differ.
    const abortAt = performance.now() + callMs;
    await openAttempt(trx, request, { attempt, callMs }, catalogue, email);
    return {
      kind: 'granted',
      attempt,
      abortAt,
      email,
      sizeBytes,
      noted: reservation.noted,
      dueForMs: email.due_for_ms,
    };
  });
}

const lockForSending = compileOnce((db, { emailId, lifetimeS }: { emailId: string; lifetimeS: number }) =>
  db
    .selectFrom('emails')
    .select([
      'id',
      'client_id',
      'priority',
      'sender',
      'receiver',
      'reply_to',
      'subject',
      'content',
      'content_type',
      'alternative',
      'headers',
      'track_opens',
      'tags',
      'notice_for',
      'status',
      'generation',
      sql<boolean>`clock_timestamp() > due_at + make_interval(secs => ${lifetimeS})`.as('past_lifetime'),
      sql<number>`(extract(epoch from clock_timestamp() - due_at) * 1000)::float8`.as('due_for_ms'),
      sql<Buffer | null>`case when priority = 'low' then (select key from unsubscribe_key) end`.as('unsubscribe_key'),
      isSuppressed.as('suppressed'),
    ])
    .where('id', '=', emailId)
    .forUpdate(),
);

/** Time in which nothing could be sent (paused, held, no provider) does not count against a lifetime. */
async function isLifetimeOver(trx: Trx, { emailId, lifetimeMs }: PermissionRequest): Promise<boolean> {
  const { rows } = await sql<{ over: boolean }>`
    select clock_timestamp() - e.due_at - coalesce((
      select sum(upper(stop) - lower(stop)) from unnest((
        select range_agg(tstzrange(greatest(s.from_at, e.due_at), coalesce(s.until_at, clock_timestamp())))
        from (select from_at, until_at from send_stops where priority = e.priority
          union all select created_at, released_at from holds h where ${concernsEmail}
          union all select i.judged_at, i.decided_at from recovery_items i
            where i.email_id = e.id and i.verdict = 'unknown' and i.decision is not null) s
        where coalesce(s.until_at, clock_timestamp()) > e.due_at)) as stop
    ), interval '0') > make_interval(secs => ${lifetimeMs / 1000}) as over
    from emails e where e.id = ${emailId}`.execute(trx);
  return rows[0]?.over ?? false;
}

/**
 * Reads the generation's attempts, newest first, and the hold that concerns the e-mail now. `open_ms` is what remains of a
 * call's time, by the database's clock. The hold is read after the lock: one that was committed before always counts.
 */
async function attemptsOf(trx: Trx, values: { readonly emailId: string; readonly generation: number }) {
  const rows = await readAttempts(trx, values);
  return { holdId: rows[0]?.holdId ?? null, attempts: rows.filter(({ attempt }) => attempt !== null) };
}

const readAttempts = compileOnce(
  (_, { emailId, generation }: { emailId: string; generation: number }) => sql<
    OpenAttempt & { readonly holdId: string | null }
  >`
    select active.id as "holdId", a.attempt, a.provider, a.state,
      ceil(extract(epoch from a.call_until - clock_timestamp()) * 1000)::float8 as open_ms
    from emails e left join lateral (${activeHold}) active on true
      left join send_attempts a on a.email_id = ${emailId} and a.generation = ${generation}
    where e.id = ${emailId} order by a.attempt desc`,
);

interface OpenAttempt {
  readonly attempt: number;
  readonly provider: ProviderName;
  readonly state: AttemptState;
  readonly open_ms: number;
}

/** What remains of a call's time, in milliseconds. Negative once nobody can still be calling, even by months. */
export const openMs = sql<number>`ceil(extract(epoch from call_until - clock_timestamp()) * 1000)::float8`.as(
  'open_ms',
);

async function openAttempt(
  trx: Trx,
  request: PermissionRequest,
  { attempt, callMs }: { readonly attempt: number; readonly callMs: number },
  catalogue: StatusCatalogue,
  email: LockedEmail,
): Promise<void> {
  const { emailId, generation, provider } = request;
  await later(trx, addAttempt(trx, { emailId, generation, attempt, provider, callS: callMs / 1000 }));
  const sending = { ...attemptEvent({ emailId, generation, attempt, provider }, 'sending'), occurredAt: null };
  // The dispatcher cannot write this itself: it would lock the rows in the opposite order.
  await recordEvents(trx, email, [sending], catalogue, { dispatchedAt: new Date(request.dispatchedAtMs) });
  if (attempt === 1) return;
  const place = trx
    .updateTable('email_queue')
    .set({ state: 'in_flight', dispatched_at: sql`now()` })
    .where('email_id', '=', emailId)
    .where('state', '=', 'backing_off')
    .execute();
  await later(trx, place);
}

const addAttempt = compileOnce((db, call: AttemptId & { readonly callS: number }) =>
  db.insertInto('send_attempts').values({
    email_id: call.emailId,
    generation: call.generation,
    attempt: call.attempt,
    provider: call.provider,
    state: 'calling',
    started_at: sql`clock_timestamp()`,
    call_until: sql`clock_timestamp() + make_interval(secs => ${call.callS})`,
  }),
);

async function endAsSuppressed(trx: Trx, email: LockedEmail, catalogue: StatusCatalogue): Promise<string> {
  const event = generationEvent(email.generation, 'suppressed');
  const { status } = await recordEvents(trx, email, [event], catalogue);
  await trx.deleteFrom('email_queue').where('email_id', '=', email.id).execute();
  return status;
}

import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { Db } from '../../postgres/database.js';
import type { SignalKind } from '../../postgres/schema.js';
import { transact } from '../../postgres/transaction.js';
import { isUuid } from '../../uuid.js';
import { lockEmail } from '../emails/events.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import { removeHandedOverEntry } from '../queue/entry.js';
import { enqueueSignal } from '../signals/outbox.js';
import { recordEvents } from '../transitions/record.js';

/** A transparent image of one pixel: 43 bytes. */
export const PIXEL_GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64');

/** What goes out with it. Readers and their proxies must not keep it, or later opens are never seen. */
export const PIXEL_HEADERS = {
  'Content-Type': 'image/gif',
  'Cache-Control': 'no-store, no-cache, must-revalidate, private, max-age=0',
  Pragma: 'no-cache',
  Expires: '0',
} as const;

const BUCKET_MS = 60_000;

interface PixelOpen {
  readonly recorded: boolean;
  readonly signals: readonly SignalKind[];
  /** What the e-mail has come to; undefined when nothing was recorded. */
  readonly status?: string;
}

const NO_OPEN: PixelOpen = { recorded: false, signals: [] };

/**
 * Records that our own pixel in an e-mail was loaded: the event `opened`, at most one a minute, so that a reader who
 * reloads (or somebody who hammers) does not grow the record. It belongs to the accepted attempt of the newest
 * generation that has one. An e-mail that was never handed over cannot be opened, and one whose opens are not tracked
 * carries no pixel: nothing is recorded.
 *
 * Never throws, whatever the id and whatever the database does: the reader is to see an image.
 *
 * @returns whether anything was recorded, and the signals for the e-mail's workflow; they are in `pending_signals` as well.
 */
export async function recordPixelOpen(
  db: Db,
  catalogue: StatusCatalogue,
  emailId: string,
  logger?: Pick<Logger, 'warn'>,
): Promise<PixelOpen> {
  if (!isUuid(emailId)) return NO_OPEN;
  try {
    return await recordOpen(db, catalogue, emailId, new Date());
  } catch (error) {
    logger?.warn({ emailId, code: (error as { code?: string }).code }, 'an open could not be recorded');
    return NO_OPEN;
  }
}

async function recordOpen(db: Db, catalogue: StatusCatalogue, emailId: string, at: Date): Promise<PixelOpen> {
  const key = `tempost:pixel:${Math.floor(at.getTime() / BUCKET_MS)}`;
  const attempt = await acceptedAttempt(db, emailId);
  // Looked up before the e-mail is locked: reloads must not stand in the way of webhooks.
  if (!attempt || (await isRecorded(db, emailId, key))) return NO_OPEN;
  return transact(db, async (trx) => {
    const email = await lockEmail(trx, emailId);
    if (!email) return NO_OPEN;
    const opened = { key, type: 'opened', ...attempt, occurredAt: at };
    const { added, before, status } = await recordEvents(trx, email, [opened], catalogue);
    if (catalogue.get(status)?.final) await removeHandedOverEntry(trx, emailId);
    // Only the first open moves the workflow.
    const recorded = added.length > 0;
    if (!recorded || catalogue.get(before)?.signal === 'opened') return { recorded, signals: [] };
    await enqueueSignal(trx, emailId, 'opened');
    return { recorded, signals: ['opened'], status };
  });
}

async function acceptedAttempt(db: Db, emailId: string) {
  return db
    .selectFrom('send_attempts as t')
    .innerJoin('emails as e', 'e.id', 't.email_id')
    .select(['t.generation', 't.attempt'])
    .where('t.email_id', '=', emailId)
    .where('e.id', '=', emailId)
    .where('t.state', '=', 'accepted')
    .where(sql<boolean>`e.track_opens is not false`)
    .orderBy('t.generation', 'desc')
    .orderBy('t.attempt', 'desc')
    .limit(1)
    .executeTakeFirst();
}

async function isRecorded(db: Db, emailId: string, key: string): Promise<boolean> {
  const known = await db
    .selectFrom('email_events')
    .select('event_key')
    .where('email_id', '=', emailId)
    .where('event_key', '=', key)
    .executeTakeFirst();
  return known !== undefined;
}

import { createHash } from 'node:crypto';
import type { ProviderName } from '../config.js';
import type { StatusCatalogue } from '../domain/emails/statuses.js';
import { type PendingSignal, signalsOf } from '../domain/signals/deliver.js';
import { findByMessageId } from '../domain/tracking/message-ids.js';
import { lockEventTarget, type ProviderEvent, storeProviderEvents } from '../domain/tracking/provider-events.js';
import { NEAR_MS } from '../domain/tracking/unmatched.js';
import { keepUnmatched, takeWebhookToken } from '../domain/tracking/webhook-store.js';
import type { Db } from '../postgres/database.js';
import { transact } from '../postgres/transaction.js';
import type { Normalised as FromFormat } from '../providers/webhook-format/event.js';
import type { OnceOnlyWebhook } from '../providers/webhook-format/format.js';
import { boundedId } from '../providers/webhook-format/normalise.js';

/** An event with the name of who tells it. */
type Normalised = FromFormat<ProviderEvent>;

/** An event that is stored with its e-mail. */
interface MatchedEvent {
  readonly emailId: string;
  readonly type: string;
  readonly occurredAt: Date;
}

/** What came of a webhook once it is committed. */
export interface Stored {
  /** What workflows are to be told. */
  readonly signals: readonly PendingSignal[];
  /** How many events name no e-mail that we know; they are kept all the same. */
  readonly unmatched: number;
  /** The others: those that are stored with their e-mail, repeated ones included. */
  readonly matched: readonly MatchedEvent[];
}

/**
 * Stores one event together with the token that it came under, in one transaction.
 *
 * @returns undefined when the token was used with another body before.
 * @throws what the database throws; then nothing was stored.
 */
export async function storeOnce(
  db: Db,
  catalogue: StatusCatalogue,
  provider: ProviderName,
  webhook: OnceOnlyWebhook,
): Promise<Stored | undefined> {
  const contentHash = createHash('sha256').update(webhook.content).digest();
  const event = toldBy(provider, webhook.event);
  return transact(db, async (trx) => {
    const taking = takeWebhookToken(trx, provider, boundedId(webhook.token), contentHash);
    const locking = 'emailId' in event ? lockEventTarget(trx, event.emailId) : Promise.resolve(undefined);
    const [token, target] = await Promise.all([taking, locking]);
    if (token === 'stolen') return undefined;
    if (token === 'known') return { signals: [], unmatched: 0, matched: [] };
    if (target && 'emailId' in event) {
      const stored = await storeProviderEvents(trx, target, [event.event], catalogue);
      const signals = signalsOf(event.emailId, stored.signals, stored.status);
      return { signals, unmatched: 0, matched: [matchedOf(event)] };
    }
    await keepUnmatched(trx, [unmatchedRow(provider, event)]);
    return { signals: [], unmatched: 1, matched: [] };
  });
}

/** How many e-mails of a batch are stored at the same time: a batch must not take the pool from other requests. */
const PARALLEL = 4;

/** A batch could not be stored to its end; what was stored before is said, and stays stored. */
export class PartlyStoredError extends Error {
  override readonly name = 'PartlyStoredError';
  constructor(
    readonly stored: Stored,
    override readonly cause: unknown,
  ) {
    super('a batch of events was stored in part only');
  }
}

/**
 * Stores a batch of events, with a transaction for each e-mail: each locks one e-mail and, after it, at most its
 * client's suppression, so two batches can wait for one another but never in a circle.
 *
 * @throws PartlyStoredError at the first trouble; the batch can be repeated as a whole, since events have keys.
 */
export async function storeBatch(
  db: Db,
  catalogue: StatusCatalogue,
  provider: ProviderName,
  told: readonly FromFormat[],
): Promise<Stored> {
  const events = await findEmails(
    db,
    provider,
    told.map((event) => toldBy(provider, event)),
  );
  const unmatched: Normalised[] = events.filter((event) => 'unmatched' in event);
  const byEmail = groupByEmail(events);
  const waiting = [...byEmail.keys()];
  const signals: PendingSignal[] = [];
  const matched: MatchedEvent[] = [];
  let trouble: { readonly error: unknown } | undefined;
  const work = async () => {
    for (let emailId = waiting.pop(); emailId !== undefined && !trouble; emailId = waiting.pop()) {
      try {
        const its = byEmail.get(emailId)!;
        const told = await storeOne(db, catalogue, emailId, its);
        if (!told) unmatched.push(...its);
        else {
          signals.push(...told);
          matched.push(...its.map(matchedOf));
        }
      } catch (error) {
        trouble ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  try {
    if (trouble) throw trouble.error;
    await keepUnmatched(
      db,
      unmatched.map((event) => unmatchedRow(provider, event)),
    );
  } catch (error) {
    throw new PartlyStoredError({ signals, unmatched: 0, matched }, error);
  }
  return { signals, unmatched: unmatched.length, matched };
}

type Matched = Extract<Normalised, { emailId: string }>;

const matchedOf = ({ emailId, event: { type, occurredAt } }: Matched): MatchedEvent => ({ emailId, type, occurredAt });

/** What is more than this in one batch comes from a shared account mostly; the dispatcher looks for it, in its time. */
const MOST_SOUGHT = 100;

/** Finds the e-mails of events that name only the provider's id of the message; the others stay as they are. */
async function findEmails(
  db: Db,
  provider: ProviderName,
  events: readonly Normalised[],
): Promise<readonly Normalised[]> {
  const sought = events.flatMap((event) => ('unmatched' in event && event.sought ? [event.sought] : []));
  if (sought.length === 0 || sought.length > MOST_SOUGHT) return events;
  const found = await findByMessageId(db, provider, sought, NEAR_MS);
  return events.map((each): Normalised => {
    if (!('unmatched' in each) || !each.sought) return each;
    const attempt = found.get(each.sought.providerMessageId);
    if (!attempt) return each;
    const { emailId, ...place } = attempt;
    return { emailId, event: { ...each.sought.event, ...place }, raw: each.raw };
  });
}

function groupByEmail(events: readonly Normalised[]): Map<string, Matched[]> {
  const groups = new Map<string, Matched[]>();
  for (const event of events) {
    if (!('emailId' in event)) continue;
    const group = groups.get(event.emailId);
    if (group) group.push(event);
    else groups.set(event.emailId, [event]);
  }
  return groups;
}

/** @returns undefined when there is no such e-mail. */
async function storeOne(
  db: Db,
  catalogue: StatusCatalogue,
  emailId: string,
  events: readonly Matched[],
): Promise<PendingSignal[] | undefined> {
  return transact(db, async (trx) => {
    const target = await lockEventTarget(trx, emailId);
    if (!target) return undefined;
    const told = events.map(({ event }) => event);
    const { signals, status } = await storeProviderEvents(trx, target, told, catalogue);
    return signalsOf(emailId, signals, status);
  });
}

function toldBy(provider: ProviderName, told: FromFormat): Normalised {
  if (!('unmatched' in told)) return { ...told, event: { provider, ...told.event } };
  const { sought, ...rest } = told;
  return { ...rest, ...(sought && { sought: { ...sought, event: { provider, ...sought.event } } }) };
}

function unmatchedRow(provider: ProviderName, event: Normalised) {
  const { raw: body } = event;
  if (!('unmatched' in event)) return { provider, reason: 'unknown_email', body };
  return { provider, reason: event.unmatched, body, sought: event.sought };
}

import { type PerPriority, perPriority } from '../src/priority.js';
import type { AcceptedCall } from '../test/support/stack.js';
import type { KnownEmail } from './known-set.js';
import type { World } from './world.js';

export interface Count {
  readonly accepted: number;
  readonly handedOver: number;
  /** Ended without a hand-over, as it had to be. */
  readonly failedAsExpected: number;
  readonly lost: number;
  /** Calls that providers took beyond the first, by e-mail and generation: the truth. */
  readonly duplicates: number;
  /** Those the record knows for sure: more than one attempt proven to be accepted. */
  readonly duplicatesKnown: number;
  /** Those the record says there may be: attempts given up as unknown before another was made. */
  readonly duplicatesPossible: number;
  /** Duplicates that the record knows nothing of. */
  readonly duplicatesUncounted: number;
  /** Acceptance to hand-over, in seconds; null without a hand-over. */
  readonly longestS: PerPriority<number | null>;
  /** For critical e-mails of ordinary receivers, from the moment at which they could be handed over. */
  readonly longestOrdinaryCriticalS: number | null;
  /** The longest time without an acceptance while the set was submitted, in seconds. */
  readonly withoutAcceptanceS: number;
  /** Faults that no number above shows. */
  readonly faults: readonly string[];
  /** E-mails to look at when something is wrong. */
  readonly suspects: readonly string[];
}

interface RecordRow {
  readonly id: string;
  readonly status: string;
  readonly created_at: Date;
}

interface AttemptRow {
  readonly email_id: string;
  readonly generation: number;
  readonly accepted: number;
  readonly abandoned: number;
}

/** Compares three books: what the client was told, what the record says, and what the providers took. */
export async function countAll(world: World, known: readonly KnownEmail[]): Promise<Count> {
  const record = await world.query<RecordRow>(
    'select id, status, created_at from emails where notice_for is null and created_at >= $1',
    [new Date(world.sinceMs)],
  );
  const ours = new Set([...record, ...known].map(({ id }) => id));
  const calls = (await world.stack.acceptance()).filter(({ email_id }) => ours.has(email_id));
  const attempts = await world.query<AttemptRow>(`select email_id, generation,
      (count(*) filter (where state = 'accepted'))::int as accepted,
      (count(*) filter (where state = 'abandoned'))::int as abandoned
    from send_attempts group by 1, 2`);
  const callsOf = grouped(calls);
  const recordOf = new Map(record.map((row) => [row.id, row]));
  const missing = known.filter(({ id }) => !callsOf.has(id));
  const expected = missing.filter(({ id }) => ['failed', 'suppressed'].includes(recordOf.get(id)?.status ?? ''));
  const lost = missing.filter((email) => !expected.includes(email));
  const doubles = countDuplicates(calls, attempts);
  const handOverS = (email: KnownEmail, from = (createdAtMs: number) => createdAtMs) =>
    handOverSeconds(callsOf.get(email.id), recordOf.get(email.id), from);
  const longest = (emails: readonly KnownEmail[], from?: (createdAtMs: number) => number) => {
    const times = emails.map((email) => handOverS(email, from)).filter((time) => time !== null);
    return times.length === 0 ? null : Math.max(...times);
  };
  return {
    accepted: known.length,
    handedOver: known.length - missing.length,
    failedAsExpected: expected.length,
    lost: lost.length,
    ...doubles,
    longestS: perPriority((priority) => longest(known.filter((email) => email.priority === priority))),
    longestOrdinaryCriticalS: longest(
      known.filter((email) => email.priority === 'critical' && email.ordinary),
      (at) => reachableFrom(world, at),
    ),
    withoutAcceptanceS: longestGapS(known.map(({ acceptedMs }) => acceptedMs)),
    faults: [...bookFaults(known, record), ...contentFaults(known, callsOf)],
    suspects: [...new Set([...lost.map(({ id }) => id), ...doubles.suspects, ...slowest(known, handOverS)])],
  };
}

/** @returns the longest time between two moments that follow one another, in seconds, to a tenth. */
export function longestGapS(momentsMs: readonly number[]): number {
  const sorted = [...momentsMs].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((moment, n) => moment - sorted[n]!);
  return Math.round(Math.max(0, ...gaps) / 100) / 10;
}

function grouped(calls: readonly AcceptedCall[]): Map<string, AcceptedCall[]> {
  const groups = new Map<string, AcceptedCall[]>();
  for (const call of calls) groups.set(call.email_id, [...(groups.get(call.email_id) ?? []), call]);
  return groups;
}

function countDuplicates(calls: readonly AcceptedCall[], attempts: readonly AttemptRow[]) {
  const taken = new Map<string, number>();
  for (const { email_id, generation } of calls) {
    const key = `${email_id} ${generation}`;
    taken.set(key, (taken.get(key) ?? 0) + 1);
  }
  let [duplicates, duplicatesKnown, duplicatesPossible, duplicatesUncounted] = [0, 0, 0, 0];
  const suspects: string[] = [];
  for (const [key, count] of taken) {
    const attempt = attempts.find(({ email_id, generation }) => `${email_id} ${generation}` === key);
    const { accepted = 0, abandoned = 0 } = attempt ?? {};
    const extra = count - 1;
    const known = Math.max(0, accepted - 1);
    const possible = Math.max(0, accepted + abandoned - 1) - known;
    duplicates += extra;
    duplicatesKnown += known;
    duplicatesPossible += possible;
    // Too few or too many: either way the record does not say what happened.
    duplicatesUncounted += Math.max(0, extra - known - possible) + Math.max(0, known - extra);
    if (extra > 0) suspects.push(key.split(' ')[0]!);
  }
  return { duplicates, duplicatesKnown, duplicatesPossible, duplicatesUncounted, suspects };
}

function handOverSeconds(
  calls: readonly AcceptedCall[] | undefined,
  row: RecordRow | undefined,
  from: (createdAtMs: number) => number,
): number | null {
  if (!calls || !row) return null;
  const first = Math.min(...calls.map((call) => Date.parse(call.accepted_at)));
  return Math.round((first - from(row.created_at.getTime())) / 100) / 10;
}

/** An e-mail that came so shortly before nothing could be handed over had no chance before. */
const NO_CHANCE_MS = 1_000;

/** When an e-mail could first have been handed over. */
function reachableFrom({ cutOff }: World, createdAtMs: number): number {
  const met = cutOff.find(({ fromMs, untilMs }) => fromMs - NO_CHANCE_MS < createdAtMs && createdAtMs < untilMs);
  return met?.untilMs ?? createdAtMs;
}

/** The slowest critical e-mails, to see what held them up. */
function slowest(known: readonly KnownEmail[], handOverS: (email: KnownEmail) => number | null): string[] {
  return known
    .filter(({ priority, ordinary }) => priority === 'critical' && ordinary)
    .map((email) => ({ id: email.id, time: handOverS(email) ?? 0 }))
    .sort((a, b) => b.time - a.time)
    .slice(0, 3)
    .map(({ id }) => id);
}

/** What the client was told must be in the record, once. */
function bookFaults(known: readonly KnownEmail[], record: readonly RecordRow[]): string[] {
  const ids = new Set(known.map(({ id }) => id));
  const recorded = new Set(record.map(({ id }) => id));
  const gone = [...ids].filter((id) => !recorded.has(id)).length;
  const unasked = record.filter(({ id }) => !ids.has(id)).length;
  return [
    ...(ids.size < known.length ? [`${known.length - ids.size} e-mails share an id`] : []),
    ...(gone > 0 ? [`${gone} accepted e-mails are not in the record`] : []),
    ...(unasked > 0 ? [`${unasked} e-mails were accepted a second time`] : []),
  ];
}

function contentFaults(known: readonly KnownEmail[], callsOf: ReadonlyMap<string, readonly AcceptedCall[]>): string[] {
  const damaged = known.filter(({ id, attachmentSha256 }) =>
    (callsOf.get(id) ?? []).some(
      (call) => call.attachment_sha256.join() !== (attachmentSha256 === null ? '' : attachmentSha256),
    ),
  );
  return damaged.length > 0 ? [`${damaged.length} e-mails went out without their attachment or with another`] : [];
}

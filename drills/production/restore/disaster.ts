import { setTimeout as delay } from 'node:timers/promises';
import type { AskedSource } from '../../../src/postgres/schema.js';
import { PRIORITIES, type Priority } from '../../../src/priority.js';
import type { AcceptedCall } from '../../../test/support/stack.js';
import { PROCESS_NAMES, second } from '../../../test/support/stack.js';
import type { Drill } from '../../drill.js';
import { World } from '../../world.js';
import type { Disaster, DisasterOptions, Outcome } from '../scenario.js';
import { ArchivedPostgres } from './archived-postgres.js';
import type { Backups } from './backups.js';
import { CopiedBackups } from './copied-backups.js';
import { type Recovered, type RecoverOptions, recover, secondsSince } from './recover.js';

const OURS = PROCESS_NAMES.filter((name) => name !== 'sandbox');
/** Without any progress. */
const PATIENCE_MS = 5 * 60_000;
/** Submitted so many at a time. */
const WIDTH = 10;
/** At least so long until the set is due that is sent after the point of the restore; a busy machine gets more. */
const LEAD_MS = { full: 45_000, quick: 30_000 };
/** Everything is killed so long before what is due in the outage, whatever was sent by then. */
const KILLED_BEFORE_MS = 15_000;
/** What one e-mail of the first set took, so many times for each of those that follow. */
const MARGIN = 1.3;

interface RestoreOptions extends RecoverOptions {
  readonly name: string;
  readonly how: string;
  readonly startedTooSoon?: boolean;
  /** What keeps the backups, in a folder of its own; default: copies. */
  readonly keep?: (folder: string) => Backups | Promise<Backups>;
}

/** What was submitted, by when it was: ids. */
interface Books {
  /** Sent before the point of the restore. */
  readonly before: readonly string[];
  /** Accepted before, sent after it: the record believes them unsent. */
  readonly between: readonly string[];
  /** Accepted before and due after it, and not sent before everything was killed: the machine was too busy. */
  readonly underWay: readonly string[];
  /** Accepted after it: the record lacks them. */
  readonly after: readonly string[];
  /** Accepted before, and due while everything is down: nobody has sent them, and it has to be done once. */
  readonly during: readonly string[];
  /** Accepted before, and due long after everything. */
  readonly later: readonly string[];
}

/** A restore to an earlier point in time, with mail that was sent since. */
export function restored({
  name,
  how,
  keep = (folder) => new CopiedBackups(folder),
  ...restore
}: RestoreOptions): Disaster {
  return {
    name,
    how,
    async run(options) {
      let postgres: ArchivedPostgres | undefined;
      const drill: Drill = {
        ...{ name, breaks: how, outageS: { full: 0, quick: 0 }, breakAndHeal: async () => {} },
        async servers(own) {
          const server = await ArchivedPostgres.start(keep);
          own(() => server.drop());
          postgres = server;
          return { databaseUrl: server.url };
        },
      };
      const world = await World.start(drill, options);
      try {
        return await restoreUnderMail(world, postgres!, restore, options);
      } finally {
        await world.end();
      }
    },
  };
}

async function restoreUnderMail(
  world: World,
  postgres: ArchivedPostgres,
  { temporal, startedTooSoon, dryRunFirst }: Omit<RestoreOptions, 'name' | 'how' | 'keep'>,
  { emails, quick, stretch = 1, say }: DisasterOptions,
): Promise<Outcome> {
  // On a busy machine bulk steps back for minutes; what is proved does not depend on the priority.
  const priorities = quick ? (['critical'] as const) : PRIORITIES;
  const submit = submitter(world, priorities);
  const third = Math.ceil(emails / 3);
  const startedAtMs = Date.now();
  const before = await submit(third);
  const submittedMs = (Date.now() - startedAtMs) / third;
  await taken(world, before);
  const sentMs = (Date.now() - startedAtMs) / third;
  await postgres.backUp();
  const leadMs = (quick ? LEAD_MS.quick : LEAD_MS.full) * stretch;
  const dueAt = new Date(Date.now() + Math.max(leadMs, MARGIN * (emails + third) * submittedMs));
  // Time enough to send what is due first, and what comes after the point.
  const dueDownAt = new Date(dueAt.getTime() + Math.max(2 * leadMs, MARGIN * (emails + third) * sentMs));
  const later = await submit(5, new Date(Date.now() + 24 * 60 * 60_000));
  const during = await submit(third, dueDownAt);
  const between = await submit(emails, dueAt);
  const point = await postgres.now();
  if (point >= dueAt) throw new Error('the set was not submitted before it was due: try --stretch');
  say(`${between.length} are scheduled; the point of the restore is ${point.toISOString()}`);
  const after = await submit(third);
  await postgres.archived();
  await taken(world, [...between, ...after], dueDownAt.getTime() - KILLED_BEFORE_MS);
  await Promise.all(OURS.flatMap((each) => [world.stack.kill(each), world.stack.kill(second(each))]));
  if (new Date() >= dueDownAt) throw new Error('what is due in the outage was due before it: try --stretch');
  const sent = new Set((await callsOf(world)).map(({ email_id }) => email_id));
  const isSent = (id: string) => sent.has(id);
  const underWay = between.filter((id) => !isSent(id));
  say(`${[...between, ...after].filter(isSent).length} were sent since; the database is lost`);
  await postgres.lose();
  if (temporal === 'lost') {
    await world.temporal.kill();
    world.temporal.deleteDatabase();
    await world.temporal.start();
  }
  await delay(Math.max(0, dueDownAt.getTime() - Date.now()));
  const restoringAtMs = Date.now();
  await postgres.restoreTo(point);
  const restoredS = secondsSince(restoringAtMs);
  if (startedTooSoon) await startTooSoon(world);
  const recovered = await recover(world, point, { temporal, dryRunFirst });
  if (!startedTooSoon) await world.startAll(OURS);
  await world.stack.ready();
  await ended(world);
  const books = { before, between: between.filter(isSent), underWay, during, after, later };
  const outS = secondsSince(restoringAtMs);
  return count(world, books, { ...recovered, restoredS, outS, temporal, startedTooSoon });
}

const submitter = (world: World, priorities: readonly Priority[]) => async (count: number, sendAt?: Date) => {
  const ids: string[] = [];
  let next = 0;
  const work = async () => {
    for (let n = next++; n < count; n = next++) {
      const priority = priorities[n % priorities.length]!;
      const attachment = n % 5 === 0 ? { filename: `part-${n}.bin`, bytes: Buffer.alloc(2_000, n % 256) } : undefined;
      const scheduled = sendAt && { send_at: sendAt.toISOString() };
      ids.push(await world.stack.submit({ priority, receiver: `reader-${n}@example.org`, ...scheduled, attachment }));
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, work));
  return ids;
};

const callsOf = async (world: World): Promise<readonly AcceptedCall[]> => world.stack.acceptance();

/**
 * Waits until providers have taken each of these: for as long as it goes on, or until a moment (in milliseconds since
 * 1970) at which it need not have.
 */
async function taken(world: World, ids: readonly string[], untilMs = Number.POSITIVE_INFINITY): Promise<void> {
  let missing = ids.length;
  for (let giveUpAt = Date.now() + PATIENCE_MS; missing > 0 && Date.now() < untilMs; await delay(500)) {
    if (Date.now() > giveUpAt) throw new Error(`${missing} of ${ids.length} were not sent before the loss`);
    const sent = new Set((await callsOf(world)).map(({ email_id }) => email_id));
    const before = missing;
    missing = ids.filter((id) => !sent.has(id)).length;
    if (missing < before) giveUpAt = Date.now() + PATIENCE_MS;
  }
}

/** Every process runs on the restored record before anybody has said that it was restored. */
async function startTooSoon(world: World): Promise<void> {
  await world.startAll(OURS);
  for (const giveUpAt = Date.now() + PATIENCE_MS; Date.now() < giveUpAt; await delay(200)) {
    const open = await world.query('select 1 from recoveries where finished_at is null').catch(() => []);
    if (open.length > 0) return;
  }
  throw new Error('the safeguard has not noticed the restore');
}

/** How it went, and under which circumstances. */
interface Restored extends Recovered, Omit<RestoreOptions, 'name' | 'how' | 'keep'> {
  readonly restoredS: number;
  readonly outS: number;
}

/** Waits until nothing is left to be sent but what is held or due later, and a while longer. */
async function ended(world: World): Promise<void> {
  let open: number | undefined;
  for (let giveUpAt = Date.now() + PATIENCE_MS; open !== 0 && Date.now() < giveUpAt; await delay(500)) {
    const before = open;
    const [row] = await world
      .query<{ open: number }>(
        `select count(*)::int as open from email_queue where state not in ('held', 'handed_over') and due_at <= now()`,
      )
      .catch(() => []);
    open = row?.open;
    if (open !== before) giveUpAt = Date.now() + PATIENCE_MS;
  }
  if (open !== 0) throw new Error(`${open ?? 'nobody knows how many'} are still to be sent after the recovery`);
  await delay(5_000);
}

/** Three books: what was submitted, what the record says now, and what the providers have taken. */
async function count(world: World, books: Books, restored: Restored): Promise<Outcome> {
  const { before, between, underWay, during, after, later } = books;
  const { sent, unknownIds, lackingIds, restoredS, tookS, outS } = restored;
  const taken = new Map<string, number>();
  for (const { email_id } of await callsOf(world)) taken.set(email_id, (taken.get(email_id) ?? 0) + 1);
  const doubled = [...taken.values()].reduce((sum, calls) => sum + calls - 1, 0);
  const known = new Set((await world.query<{ id: string }>('select id from emails')).map(({ id }) => id));
  const held = new Set(unknownIds);
  // The record has what was accepted before the point; and what was due since is sent, or held for an operator.
  const isLost = (id: string) => !known.has(id) || !(taken.has(id) || held.has(id));
  const lost =
    [...before, ...between, ...underWay, ...during].filter(isLost).length + later.filter((id) => !known.has(id)).length;
  const heldOf = (ids: readonly string[]) => ids.filter((id) => held.has(id)).length;
  const [believed] = await world.query<{ count: number }>(
    `select count(*)::int as count from send_attempts where state = 'accepted' and email_id = any($1)`,
    [between],
  );
  // What was accepted after the point and not sent is known to nobody but its client. What was sent, Temporal knows, or
  // the logs of those who took it.
  const unlisted = after.filter((id) => taken.has(id) && !known.has(id) && !lackingIds.includes(id)).length;
  const [counters] = await world.query<{ count: number }>(
    `select coalesce(sum(value), 0)::int as count from counters where name in ('repeated_sends', 'known_duplicates')`,
  );
  return {
    accepted: Object.values(books).flat().length,
    ...{ lost, doubled, counted: counters!.count },
    ...{ withoutAcceptanceS: null, criticalS: null, criticalOnceBackS: null },
    notes: [
      `${between.length} sent after the point of the restore: ${sent} adopted, ${heldOf(between)} unknown and held`,
      ...(underWay.length > 0 ? [`${underWay.length} under way at the loss: ${heldOf(underWay)} held`] : []),
      `${during.length} due in the outage: ${during.filter((id) => taken.has(id)).length} sent, ${heldOf(during)} held`,
      `${after.length} accepted after it, ${after.filter((id) => taken.has(id)).length} of them sent: ` +
        `${lackingIds.length} listed as lacking (${restored.sources.map(sourceText).join(', ')}), ${unlisted} not`,
      `restored in ${restoredS} s, evidence sought in ${tookS} s, sending again after ${outS} s`,
    ],
    broken: [
      ...(lost > 0 ? [`${lost} lost`] : []),
      ...(doubled > 0 ? [`${doubled} sent twice in spite of evidence`] : []),
      ...(believed!.count < between.length - heldOf(between) ? ['what was sent is not in the ledger'] : []),
      ...(unlisted > 0 ? [`${unlisted} that providers took and the record lacks were not listed`] : []),
      ...brokenOfTemporal(restored, heldOf(during)),
      ...(later.some((id) => taken.has(id)) ? ['some were sent before they were due'] : []),
    ],
  };
}

const sourceText = ({ source, found, limits }: AskedSource) =>
  [`${source} ${found}`, ...limits.map(({ code }) => code)].join(' ');

/** What Temporal, intact, can tell: that nobody began to send what was due in the outage. */
function brokenOfTemporal({ temporal, startedTooSoon }: Restored, heldOfDuring: number): string[] {
  // Started too soon, a call may have been made that has no answer.
  if (temporal !== 'intact' || startedTooSoon || heldOfDuring === 0) return [];
  return [`${heldOfDuring} that nobody had begun to send were held`];
}

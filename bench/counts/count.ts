import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../test/support/until.js';
import type { World } from '../harness/world.js';
import { attribute } from './attribution.js';
import { Courses, type Seen } from './courses.js';
import { type Counts, type CountsByKind, type Kind, typicalCounts } from './metrics.js';
import { LOG_SETTINGS, type LoggedTransaction, readTransactions } from './statement-log.js';

/** For the PostgreSQL of the world that is counted in. */
export const COUNTING = {
  ...LOG_SETTINGS,
  // The write-ahead log is read at the end: nothing of it may be recycled, and no checkpoint may begin.
  checkpoint_timeout: '1h',
  max_wal_size: '8GB',
  wal_keep_size: '2GB',
  // It comes when it likes, and changes plans.
  autovacuum: 'off',
} as const;

/** Longer than the slowest loop that is due while an e-mail is on its way. */
const IDLE_MS = 6_500;
const COURSES: readonly Exclude<Kind, 'webhook'>[] = ['plain', 'attached', 'failed_over'];

interface CountOptions {
  /** Of each kind that are not counted: connections, prepared statements, and pages that are written the first time. */
  readonly warmUp: number;
  /** Of each kind that are counted. */
  readonly emails: number;
  readonly say: (sentence: string) => void;
}

/** What was counted; beside it, for whoever looks for what has come, each e-mail and the statements of a typical one. */
export interface Counted {
  readonly counts: CountsByKind;
  readonly each: Readonly<Record<Kind, readonly Counts[]>>;
  readonly statements: Readonly<Record<Kind, readonly string[]>>;
}

/** Counts what one e-mail of each kind costs, in a world with the settings `COUNTING`. */
export async function countEmails(world: World, options: CountOptions): Promise<Counted> {
  const stack = await world.startStack({
    env: { SWEEP_INTERVAL_S: '2' },
    without: ['worker-critical', 'worker-low'],
  });
  const courses = new Courses(world, stack);
  for (const kind of COURSES) for (let n = 0; n < options.warmUp; n++) await courses.take(kind);
  options.say(`warmed up; listening to what the system asks while it idles, for ${IDLE_MS / 1_000} s`);
  const idle = { fromMs: Date.now(), untilMs: Date.now() + IDLE_MS };
  await delay(IDLE_MS);
  const [{ lsn }] = (await world.query('select pg_current_wal_lsn()::text lsn')) as [{ lsn: string }];
  const seen = new Map<Kind, Seen[]>();
  for (const kind of COURSES) {
    options.say(`counting ${options.emails} of "${kind}"`);
    seen.set(kind, []);
    for (let n = 0; n < options.emails; n++) seen.get(kind)!.push(await courses.take(kind));
  }
  const bytesOf = await walBytesSince(world, lsn);
  const own = attribute(await readLog(world), [...seen.values()].flat(), idle);
  return summarise(seen, own, bytesOf);
}

/** One e-mail, or one webhook. */
interface One {
  readonly counts: Counts;
  readonly transactions: readonly LoggedTransaction[];
}

function summarise(
  seen: ReadonlyMap<Kind, readonly Seen[]>,
  own: ReadonlyMap<string, readonly LoggedTransaction[]>,
  bytesOf: (transaction: LoggedTransaction) => number,
): Counted {
  const one = (transactions: readonly LoggedTransaction[], history: Seen['history']): One => ({
    transactions,
    counts: {
      statements: transactions.reduce((sum, { statements }) => sum + statements.length, 0),
      transactions: transactions.length,
      wal_bytes: transactions.reduce((sum, transaction) => sum + bytesOf(transaction), 0),
      ...history,
    },
  });
  const ofKind = (kind: Kind): One[] =>
    kind === 'webhook'
      ? seen.get('plain')!.map(({ emailId, delivered }) => {
          const told = own.get(emailId)!.filter((transaction) => isOfWebhook(transaction, delivered));
          return one(told, delivered.history);
        })
      : seen.get(kind)!.map(({ emailId, history }) => one(own.get(emailId)!, history));
  const perKind = <T>(make: (all: readonly One[]) => T): Record<Kind, T> => ({
    plain: make(ofKind('plain')),
    attached: make(ofKind('attached')),
    failed_over: make(ofKind('failed_over')),
    webhook: make(ofKind('webhook')),
  });
  return {
    counts: perKind((all) => typicalCounts(all.map(({ counts }) => counts))),
    each: perKind((all) => all.map(({ counts }) => counts)),
    statements: perKind(statementsOfTypical),
  };
}

/** By the process that took it: by time alone, something of the e-mail's that is late could come into it. */
const isOfWebhook = ({ application, startedAtMs }: LoggedTransaction, { fromMs, untilMs }: Seen['delivered']) =>
  application === 'tempost-webhooks' && startedAtMs >= fromMs && startedAtMs <= untilMs;

/** The statements of one that has as many as is typical, each with the process that asks it. */
function statementsOfTypical(all: readonly One[]): string[] {
  const { statements } = typicalCounts(all.map(({ counts }) => counts));
  const typical = all.find(({ counts }) => counts.statements === statements);
  return (typical?.transactions ?? []).flatMap(({ application, statements: texts }) =>
    texts.map((text) => `${application}: ${text.trim().replaceAll(/\s+/g, ' ')}`),
  );
}

/**
 * What each transaction has written to the write-ahead log since a place in it, in bytes. Images of whole pages are
 * left out: they follow a checkpoint, and are the same few pages for however many e-mails.
 */
async function walBytesSince(world: World, lsn: string): Promise<(transaction: LoggedTransaction) => number> {
  await world.query('create extension if not exists pg_walinspect');
  const rows = await world.query<{ xid: string; bytes: number }>(
    `select xid::text, sum(record_length - fpi_length)::float8 bytes
     from pg_get_wal_records_info($1::pg_lsn, pg_current_wal_lsn()) where xid <> '0' group by xid`,
    [lsn],
  );
  const bytes = new Map(rows.map((row) => [Number(row.xid), row.bytes]));
  return ({ xid }) => bytes.get(xid) ?? 0;
}

/** The log, once all that was asked so far is in it: a process of its own writes it. */
async function readLog(world: World): Promise<LoggedTransaction[]> {
  const mark = `the log is read up to ${Date.now()}`;
  await world.query(`select '${mark}' bench`);
  const file = join(world.postgresHome, 'data', 'log', `${LOG_SETTINGS.log_filename}.json`);
  let text = '';
  await until('the log is written', () => {
    text = readFileSync(file, 'utf8');
    return text.includes(mark);
  });
  return readTransactions(text);
}

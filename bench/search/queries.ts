import { sql } from 'kysely';
import type { EmailFilter, IdRange } from '../../src/domain/search/filter.js';
import { searchEmails } from '../../src/domain/search/search.js';
import type { Db } from '../../src/postgres/database.js';
import { uuidFloor } from '../../src/postgres/partitions.js';
import { quantile } from '../harness/figures.js';

const DAY_MS = 86_400_000;
const PAGE = 50;

/** How long one question takes, over all its tries; milliseconds. */
export interface Asked {
  readonly name: string;
  readonly p50: number;
  readonly p95: number;
  readonly worst: number;
  /** On the last page, and whether it said that there may be more. */
  readonly found: number;
  readonly more: boolean;
}

/** Asks every listed question so many times, of what `fillEmails` has written, in the window that is the default. */
export async function askAll(db: Db, count: number, tries: number): Promise<Asked[]> {
  const { rows } = await sql<{ id: string }>`select id from bench_clients order by place`.execute(db);
  const now = Date.now();
  const range = { from: uuidFloor(new Date(now - 30 * DAY_MS)), before: uuidFloor(new Date(now + 60_000)) };
  const asked: Asked[] = [];
  for (const [name, make] of questions(count, rows[0]!.id, rows.at(-1)!.id)) {
    asked.push(await ask(db, name, make, range, tries));
  }
  return asked;
}

type Question = readonly [name: string, make: () => EmailFilter];

function questions(count: number, large: string, small: string): Question[] {
  const below = (most: number) => Math.floor(Math.random() * most);
  const receiver = () => `reader${below(3_000_000)}@example.org`;
  const order = (): EmailFilter['metadata'] => [['order', String(3 * below(Math.floor(count / 3)))]];
  return [
    ['receiver', () => ({ receiver: receiver() })],
    ['receiver and client', () => ({ receiver: receiver(), clientId: large })],
    ['receiver with one in fifty', () => ({ receiver: 'busy@example.org' })],
    ['sender', () => ({ sender: `orders${below(50)}@example.com` })],
    ['client', () => ({ clientId: large })],
    ['small client and priority', () => ({ clientId: small, priority: 'critical' })],
    ['priority', () => ({ priority: 'critical' })],
    ['status that most have', () => ({ status: 'delivered' })],
    ['rare status', () => ({ status: 'bounced' })],
    ['rare status and client', () => ({ status: 'bounced', clientId: large })],
    ['rare status and small client', () => ({ status: 'bounced', clientId: small })],
    ['status in the queue', () => ({ status: 'queued' })],
    ['tag of one in four', () => ({ tag: 'shipping' })],
    ['tag of one in 20,000', () => ({ tag: 'recall' })],
    ['tag that nobody has', () => ({ tag: 'never' })],
    ['metadata', () => ({ metadata: order() })],
    ['metadata and client', () => ({ metadata: order(), clientId: large })],
    ['everything', () => ({})],
  ];
}

async function ask(db: Db, name: string, make: () => EmailFilter, range: IdRange, tries: number): Promise<Asked> {
  const ms: number[] = [];
  let page: Awaited<ReturnType<typeof searchEmails>> | undefined;
  for (let n = 0; n < tries; n++) {
    const filter = make();
    const begun = performance.now();
    page = await searchEmails(db, filter, range, PAGE);
    ms.push(performance.now() - begun);
  }
  const figures = { p50: quantile(ms, 0.5), p95: quantile(ms, 0.95), worst: quantile(ms, 1) };
  return { name, ...figures, found: page?.emails.length ?? 0, more: page?.before !== undefined };
}

import { sql } from 'kysely';
import { acceptEmail } from '../../src/domain/emails/accept.js';
import { type Db, openDatabase } from '../../src/postgres/database.js';
import { inParallel } from '../../src/process/parallel.js';
import { mean, quantile } from '../harness/figures.js';
import { cpuMsOf } from '../harness/usage.js';

const AT_ONCE = 4;

/** What accepting an e-mail costs. */
interface AcceptanceCost {
  readonly name: string;
  readonly emailsPerS: number;
  /** Of PostgreSQL and of this process, an e-mail. */
  readonly postgresCpuMs: number;
  readonly nodeCpuMs: number;
  /** Write-ahead log, an e-mail. */
  readonly walBytes: number;
  readonly p50: number;
  readonly p95: number;
}

export interface Variant {
  readonly name: string;
  readonly url: string;
}

/**
 * Accepts e-mails into each database in turn, so that what else the machine does falls on both alike; every other round
 * in the opposite order, each after a checkpoint. An e-mail has a receiver of its own, a tag, and an order number in its metadata.
 *
 * @returns the median of the rounds, by variant.
 */
export async function compareAcceptance(
  variants: readonly Variant[],
  postgresPid: number,
  { rounds, emails }: { readonly rounds: number; readonly emails: number },
): Promise<AcceptanceCost[]> {
  const measured = new Map<string, AcceptanceCost[]>(variants.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const variant of round % 2 === 0 ? variants : variants.toReversed()) {
      const cost = await acceptMany(variant, postgresPid, emails);
      // The first round fills caches.
      if (round >= 0) measured.get(variant.name)!.push(cost);
    }
  }
  return [...measured].map(([name, costs]) => medianOf(name, costs));
}

async function acceptMany({ name, url }: Variant, postgresPid: number, emails: number): Promise<AcceptanceCost> {
  const db = openDatabase({ url, poolSize: AT_ONCE, name: 'bench', logger: { warn: () => {} } });
  try {
    const clientId = await ownClient(db);
    await sql`checkpoint`.execute(db);
    const walBefore = await walPosition(db);
    const cpuBefore = [cpuMsOf(postgresPid), cpuMsOf(process.pid)] as const;
    const begun = performance.now();
    const answersMs: number[] = [];
    await inParallel(emails, AT_ONCE, async (n) => {
      const sentAt = performance.now();
      await accept(db, clientId, n);
      answersMs.push(performance.now() - sentAt);
    });
    const seconds = (performance.now() - begun) / 1_000;
    return {
      name,
      emailsPerS: emails / seconds,
      postgresCpuMs: (cpuMsOf(postgresPid) - cpuBefore[0]) / emails,
      nodeCpuMs: (cpuMsOf(process.pid) - cpuBefore[1]) / emails,
      walBytes: ((await walPosition(db)) - walBefore) / emails,
      p50: quantile(answersMs, 0.5),
      p95: quantile(answersMs, 0.95),
    };
  } finally {
    await db.destroy();
  }
}

async function ownClient(db: Db): Promise<string> {
  const { rows } = await sql<{
    id: string;
  }>`insert into clients (name, daily_limit_low) values ('acceptance', 1000000000)
    on conflict (name) do update set name = excluded.name returning id`.execute(db);
  return rows[0]!.id;
}

async function walPosition(db: Db): Promise<number> {
  const { rows } = await sql<{
    bytes: number;
  }>`select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::int8 as bytes`.execute(db);
  return rows[0]!.bytes;
}

async function accept(db: Db, clientId: string, n: number): Promise<void> {
  const receiver = `reader${Math.floor(Math.random() * 3_000_000)}@example.org`;
  const { kind } = await acceptEmail(db, {
    clientId,
    priority: 'low',
    sender: 'Shop <orders@example.com>',
    receiver,
    receiverAddress: receiver,
    subject: 'Your order is on its way',
    content: 'It is on its way. '.repeat(100),
    contentType: 'text/plain',
    replyTo: null,
    metadata: { order: Math.floor(Math.random() * 1e9), n },
    tags: ['shipping'],
    sendAt: null,
    deadlineMs: 3_600_000,
    attachment: null,
    idempotency: null,
  });
  if (kind !== 'accepted') throw new Error(`not accepted: ${kind}`);
}

function medianOf(name: string, costs: readonly AcceptanceCost[]): AcceptanceCost {
  const middle = (figure: Exclude<keyof AcceptanceCost, 'name'>) =>
    quantile(
      costs.map((cost) => cost[figure]),
      0.5,
    );
  return {
    name,
    emailsPerS: middle('emailsPerS'),
    // CPU comes in ticks of 10 ms: a mean loses less of it.
    postgresCpuMs: mean(costs.map((cost) => cost.postgresCpuMs)),
    nodeCpuMs: mean(costs.map((cost) => cost.nodeCpuMs)),
    walBytes: middle('walBytes'),
    p50: middle('p50'),
    p95: middle('p95'),
  };
}

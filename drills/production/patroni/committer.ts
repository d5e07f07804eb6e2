import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

const EVERY_MS = 50;
/** Whoever says nothing for so long is left. */
const ANSWER_WITHIN_MS = 3_000;
/** The first time, on a machine that is busy. */
const BEGIN_WITHIN_MS = 30_000;

/** Commits a number at a time, again and again, by connections of its own: how long the cluster takes no commit. */
export class Committer {
  private readonly confirmed: { readonly n: number; readonly atMs: number }[] = [];
  private readonly ended: Promise<void>;
  private n: number;
  private stopped = false;

  private constructor(
    private readonly url: string,
    first: number,
  ) {
    this.n = first;
    this.ended = this.run();
  }

  /** @param first its first number: two committers of one table need numbers that differ. */
  static async start(url: string, first = 0): Promise<Committer> {
    const client = await connect(url, BEGIN_WITHIN_MS);
    await client.query('create table if not exists drill_commits (n int primary key)');
    const { rows } = await client.query<{ last: number }>(
      'select coalesce(max(n), $1::int) as last from drill_commits where n >= $1 and n < $1 + 1000000',
      [first],
    );
    await client.end();
    return new Committer(url, rows[0]!.last);
  }

  private async run(): Promise<void> {
    let client: pg.Client | undefined;
    while (!this.stopped) {
      try {
        client ??= await connect(this.url);
        const n = ++this.n;
        await client.query('insert into drill_commits values ($1)', [n]);
        this.confirmed.push({ n, atMs: Date.now() });
      } catch {
        (client as { connection?: { stream: { destroy(): void } } } | undefined)?.connection?.stream.destroy();
        client = undefined;
      }
      await delay(EVERY_MS);
    }
    await client?.end().catch(() => {});
  }

  /** Ends it. May be called more than once. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.ended;
  }

  /** When the first commit after a moment was confirmed, both in milliseconds since 1970; undefined: not yet. */
  firstAfter(momentMs: number): number | undefined {
    return this.confirmed.find(({ atMs }) => atMs > momentMs)?.atMs;
  }

  /** How many were confirmed after a moment. */
  confirmedAfter(momentMs: number): number {
    return this.confirmed.filter(({ atMs }) => atMs > momentMs).length;
  }

  /** The longest time without a confirmed commit since a moment, and its end. */
  longestGap(sinceMs: number): { readonly seconds: number; readonly untilMs: number } {
    const moments = [sinceMs, ...this.confirmed.map(({ atMs }) => atMs).filter((atMs) => atMs > sinceMs)];
    let longest = { ms: 0, untilMs: sinceMs };
    for (const [n, atMs] of moments.slice(1).entries()) {
      if (atMs - moments[n]! > longest.ms) longest = { ms: atMs - moments[n]!, untilMs: atMs };
    }
    return { seconds: Math.round(longest.ms / 100) / 10, untilMs: longest.untilMs };
  }

  /** Confirmed commits that a database does not have. */
  async lostAt(url: string): Promise<number> {
    const client = await connect(url, BEGIN_WITHIN_MS);
    try {
      const { rows } = await client.query<{ n: number }>('select n from drill_commits');
      const kept = new Set(rows.map(({ n }) => n));
      return this.confirmed.filter(({ n }) => !kept.has(n)).length;
    } finally {
      await client.end();
    }
  }
}

async function connect(url: string, withinMs = ANSWER_WITHIN_MS): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: withinMs,
    query_timeout: withinMs,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

import { CompiledQuery, type DatabaseConnection, PostgresDialect, Transaction } from 'kysely';
import type { Db } from './database.js';
import type { Database } from './schema.js';

export type Trx = Transaction<Database>;

const BEGIN = CompiledQuery.raw('begin');
const COMMIT = CompiledQuery.raw('commit');
const ROLLBACK = CompiledQuery.raw('rollback');

/** What a transaction has sent and nobody has waited for yet. */
const unawaited = new WeakMap<Trx, Promise<unknown>[]>();

/**
 * Runs `work` in one transaction, rolled back when it throws. Unlike Kysely's own it does not wait for an answer before
 * it sends the next statement: statements asked for together travel together, `begin` with the first of them and
 * `commit` with the last. The server works them off one after the other all the same, each with a snapshot of its own.
 *
 * Most of what a statement costs these processes is its journey, so a transaction of eight takes two journeys and not
 * eight (measured, see `docs/performance.md`).
 *
 * Inside of a transaction of its own making, `work` becomes a part of that one, and is rolled back with it: whoever has
 * begun it has to end it when something is refused.
 *
 * @throws what `work` throws, or the first statement that the server refuses, awaited or not: then nothing is committed.
 */
export async function transact<T>(db: Db, work: (trx: Trx) => Promise<T>): Promise<T> {
  if (unawaited.has(db as Trx)) return work(db as Trx);
  return db.getExecutor().provideConnection(async (connection) => {
    const trx = transactionOn(db, connection);
    const sent: Promise<unknown>[] = [];
    unawaited.set(trx, sent);
    later(trx, connection.executeQuery(BEGIN));
    let result: T;
    try {
      result = await work(trx);
    } catch (error) {
      // Answered last, so everything before it has been answered as well.
      await connection.executeQuery(ROLLBACK).catch(() => {});
      // A failed one of these is why those after it failed.
      await Promise.all(sent);
      throw error;
    }
    // After a failed statement the server answers `commit` with a rollback. Everything is answered, or the connection
    // known to be lost, before somebody else gets it.
    const answers = await Promise.allSettled([...sent, connection.executeQuery(COMMIT)]);
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed) throw failed.reason;
    return result;
  });
}

/**
 * Leaves statements that have been sent to the end of their transaction: nobody needs their results before. Whether a
 * row was there must not matter for them, since by the time that is known the commit is on its way.
 *
 * @returns at once in a transaction of `transact`; in one of Kysely's own when they are done.
 */
export function later(trx: Trx, ...statements: Promise<unknown>[]): Promise<unknown> {
  const sent = unawaited.get(trx);
  if (!sent) return Promise.all(statements);
  sent.push(...statements);
  // They are looked at when the transaction ends; a failure meanwhile is not unhandled.
  for (const statement of statements) statement.catch(() => {});
  return Promise.resolve();
}

/** Never connects: transactions run on the connection they are given. */
const dialect = new PostgresDialect({ pool: async () => Promise.reject(new Error('a transaction has no pool')) });

function transactionOn(db: Db, connection: DatabaseConnection): Trx {
  const executor = db.getExecutor().withConnectionProvider({ provideConnection: (use) => use(connection) });
  return new Transaction<Database>({ config: { dialect }, driver: dialect.createDriver(), dialect, executor });
}

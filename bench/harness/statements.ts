import type pg from 'pg';

/** What a database was asked to do. */
export interface Statements {
  /** Statements, `begin` and `commit` among them; several may travel together. */
  readonly calls: number;
  /** Bytes written to the log that makes commits durable. */
  readonly walBytes: number;
  /** Milliseconds spent executing. */
  readonly executionMs: number;
}

/** One kind of statement. */
export interface StatementKind extends Statements {
  readonly query: string;
}

const SUMS = 'sum(calls)::float8 calls, sum(wal_bytes)::float8 "walBytes", sum(total_exec_time)::float8 "executionMs"';
const WITHIN = `from pg_stat_statements s join pg_database d on d.oid = s.dbid
  where d.datname = $1 and query !~ 'pg_stat_statements|bench'`;

/** Forgets what was counted, in all databases of the server. */
export async function resetStatements(server: pg.Client): Promise<void> {
  await server.query('select pg_stat_statements_reset()');
}

/** What a database was asked to do since the last `resetStatements`. */
export async function readStatements(server: pg.Client, database: string): Promise<Statements> {
  const { rows } = await server.query<Statements>(`select ${SUMS} ${WITHIN}`, [database]);
  const { calls, walBytes, executionMs } = rows[0]!;
  return { calls: calls ?? 0, walBytes: walBytes ?? 0, executionMs: executionMs ?? 0 };
}

/** The kinds of statement, most frequent first. */
export async function listStatements(server: pg.Client, database: string): Promise<StatementKind[]> {
  const { rows } = await server.query<StatementKind>(
    `select query, ${SUMS} ${WITHIN} group by query order by sum(calls) desc limit 60`,
    [database],
  );
  return rows;
}

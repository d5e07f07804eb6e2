/** One transaction, as PostgreSQL's log tells it. */
export interface LoggedTransaction {
  /** `application_name` of its connection. */
  readonly application: string;
  readonly startedAtMs: number;
  /** Its statements in order, `begin` and `commit` among them. */
  readonly statements: readonly string[];
  /** All parameters of all its statements, as text. */
  readonly parameters: string;
  /** Under which its records stand in the write-ahead log; 0 when it wrote nothing. */
  readonly xid: number;
}

/**
 * The settings that make PostgreSQL log every statement as a line of JSON, with its transaction; the second line of a
 * statement, with its duration, is the one that knows the xid of a transaction of one statement.
 */
export const LOG_SETTINGS = {
  logging_collector: 'on',
  log_destination: 'jsonlog',
  log_directory: 'log',
  log_filename: 'statements',
  log_rotation_age: '0',
  log_rotation_size: '0',
  log_statement: 'all',
  log_min_duration_statement: '0',
  log_parameter_max_length: '2000',
} as const;

interface Line {
  readonly timestamp: string;
  readonly session_id?: string;
  readonly vxid?: string;
  readonly txid?: number;
  readonly application_name?: string;
  readonly message?: string;
  readonly detail?: string;
}

const STATEMENT = /^(?:statement|execute [^:]+): (.*)$/s;

/** Reads a log in JSON: all transactions in the order of their beginnings. Lines that are cut off are left out. */
export function readTransactions(log: string): LoggedTransaction[] {
  const found = new Map<string, { -readonly [K in keyof LoggedTransaction]: LoggedTransaction[K] }>();
  for (const text of log.split('\n')) {
    const line = parse(text);
    if (!line?.session_id || !line.vxid) continue;
    const key = `${line.session_id} ${line.vxid}`;
    const statement = STATEMENT.exec(line.message ?? '')?.[1];
    const known = found.get(key);
    if (known) known.xid ||= line.txid ?? 0;
    if (statement === undefined) continue;
    const transaction = known ?? {
      application: line.application_name ?? '',
      startedAtMs: Date.parse(line.timestamp.replace(' UTC', 'Z').replace(' ', 'T')),
      statements: [],
      parameters: '',
      xid: line.txid ?? 0,
    };
    transaction.statements = [...transaction.statements, statement];
    transaction.parameters += `${line.detail ?? ''}\n`;
    found.set(key, transaction);
  }
  return [...found.values()];
}

function parse(text: string): Line | undefined {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return undefined; // Empty, or still being written.
  }
}

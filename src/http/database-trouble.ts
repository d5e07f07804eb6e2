/**
 * SQLSTATE classes that speak of the server, not of the statement: connection, log-in, missing database, rollback by
 * the server, resources, not accepting connections, locks, operator intervention, system error; 25P03 is a transaction
 * the server ended for idling, 25006 a read-only replica.
 */
const SERVER_STATES = /^(08...|28...|3D...|40...|53...|55...|57...|58...|25P03|25006)$/;
const SOCKET_CODES = /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_)/;
/** node-postgres gives these errors no code. */
const UNCODED = /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection)/;

/** Tells trouble with the database, which passes, from faults of ours. */
export function isDatabaseTrouble(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isDatabaseTrouble);
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string') return SERVER_STATES.test(code) || SOCKET_CODES.test(code);
  return UNCODED.test(error.message);
}

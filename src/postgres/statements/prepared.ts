import { createHash } from 'node:crypto';
import type pg from 'pg';
import { ownTimeoutMs } from '../primary-client.js';

/** Batches make texts of many lengths; a text is worth a place on the server only when it comes again. */
const MOST_STATEMENTS = 300;
/** A migration that adds a column would break a kept statement that selects all of them, until the next restart. */
const SELECTS_ALL = /(select|returning) \*|\.\*/i;

const seen = new Set<string>();
const names = new Map<string, string>();

/** The name under which connections keep a statement; none for one that is new, and when there are too many. */
function nameOf(text: string): string | undefined {
  const name = names.get(text);
  if (name || names.size >= MOST_STATEMENTS || SELECTS_ALL.test(text)) return name;
  if (seen.delete(text)) names.set(text, createHash('sha1').update(text).digest('hex'));
  else if (seen.size < MOST_STATEMENTS) seen.add(text);
  return names.get(text);
}

/**
 * Has a connection keep the statements that it is asked again and again, so that the server parses each of them once
 * and not with every e-mail: a sixth less CPU in PostgreSQL (measured, see `docs/performance.md`).
 */
export function prepareStatements(client: pg.PoolClient): void {
  const send = client.query.bind(client) as (query: unknown, values?: unknown) => unknown;
  const query = (query: unknown, values?: unknown) => {
    const name = typeof query === 'string' && Array.isArray(values) && values.length > 0 ? nameOf(query) : undefined;
    if (name) return send({ name, text: query, values });
    const timeoutMs = typeof query === 'string' ? ownTimeoutMs(query) : undefined;
    return timeoutMs ? send({ text: query, values, query_timeout: timeoutMs }) : send(query, values);
  };
  Object.assign(client, { query });
}

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ensurePartitions } from '../../../src/postgres/partitions.js';
import { insertClient } from '../database.js';
import { insertDeadEmail } from '../dead.js';
import { noBatchRuns } from '../operators/batches.js';
import { runBuilds } from '../operators/builds.js';
import { insertDeadEmails, jobsBy } from '../operators/jobs.js';
import type { TestSystem } from '../system.js';
import { until } from '../until.js';

/** What a reader puts in the place of the words in capitals. */
export type Values = Readonly<Record<string, string>>;

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

/** Submits an e-mail with a client's own key. @returns its id. */
export async function submitAs(
  system: TestSystem,
  key: string,
  { receiver = 'reader@example.org', priority = 'medium' } = {},
): Promise<string> {
  const fields = { sender: 'shop@example.com', receiver, subject: 'Order', text: 'Thanks.', priority };
  const response = await fetch(`${system.stack.api}/api/send`, {
    method: 'POST',
    body: JSON.stringify(fields),
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  });
  if (!response.ok) throw new Error(`POST /api/send answered ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { id: string }).id;
}

async function client({ database: { db } }: TestSystem, overrides: { senders?: string[] } = {}): Promise<Values> {
  const { id } = await insertClient(db, overrides);
  const key = await db.selectFrom('api_keys').select('id').where('client_id', '=', id).executeTakeFirstOrThrow();
  return { ID: id, 'KEY-ID': key.id, 'CLIENT-ID': id, SENDER: 'example.com' };
}

/** An e-mail that was sent and waits to be opened, of a client that has no other. */
async function sent(system: TestSystem): Promise<Values> {
  const { id, key } = await insertClient(system.database.db);
  const ID = await submitAs(system, key);
  await system.stack.isDelivered(ID);
  await noBatchRuns(system.temporal);
  return { ID, 'CLIENT-ID': id };
}

async function held({ stack }: TestSystem): Promise<Values> {
  const response = await fetch(`${stack.api}/api/admin/holds`, {
    method: 'POST',
    body: JSON.stringify({ tag: 'held', reason: 'test' }),
    headers: { authorization: `Bearer ${stack.key}`, 'content-type': 'application/json' },
  });
  return { HOLD: ((await response.json()) as { id: string }).id };
}

/** A job that goes on for some seconds. */
async function job({ database: { db }, stack }: TestSystem): Promise<Values> {
  const { id } = await insertClient(db);
  await insertDeadEmails(db, { clientId: id, count: 3 });
  const begun = await jobsBy(stack).begin({ kind: 'retry', filter: { client: id }, rate_per_s: 1 });
  return { JOB: begun.id };
}

async function stoppedJob(system: TestSystem): Promise<Values> {
  const values = await job(system);
  await jobsBy(system.stack).stop(values.JOB!);
  return values;
}

/** Builds of which every fleet says that it runs; e-mails are to begin on the second, after the first. */
async function builds({ database: { db } }: TestSystem): Promise<Values> {
  await runBuilds(db);
  return { BUILD: '1.4.0' };
}

/** By how a command begins, without the program: what has to be there. The first that fits is taken. */
const SITUATIONS: readonly (readonly [RegExp, (system: TestSystem) => Promise<Values>])[] = [
  [/^(?:retry|dead discard) ID/, async ({ database }) => ({ ID: await insertDeadEmail(database.db) })],
  [
    /^(?:cancel|reschedule) ID/,
    async ({ stack }) => ({ ID: await stack.submit({ send_at: inAnHour() }), TIME: inAnHour() }),
  ],
  [/^senders remove ID \*/, (system) => client(system)],
  [/^senders/, (system) => client(system, { senders: [] })],
  [/^(?:clients? |keys|hold --client|slo|suppressions)/, (system) => client(system)],
  [/^deploy (?:ramp|promote|rollback|retire)/, builds],
  [/^release HOLD/, held],
  [/^job resume JOB/, stoppedJob],
  [/^job /, job],
  [
    /^drop-month/,
    async ({ database }) => {
      // It locks the tables' parents one after the other, and may have to give way to the system's own traffic.
      await until('there is such a month', async () => {
        await ensurePartitions(database.db, new Date('2026-01-15T00:00:00Z'));
        return true;
      });
      return { YYYYMM: '202601' };
    },
  ],
  [/^workflow (?:delete|terminate|cancel|reset)/, sent],
];

/** What stands in the place of other words, whatever the command is. Files go when the system is stopped. */
const anywhere = ({ stack }: TestSystem): Values => ({
  X: 'reader@example.org',
  ADDRESS: 'forget@example.org',
  FILE: join(stack.directory, `person-${randomUUID()}.tar`),
  TAG: 'spring-sale',
  TEXT: 'a test',
});

/** Puts a system into the situation for which a command is meant. */
export async function prepare(system: TestSystem, command: string, otherwise: Values): Promise<Values> {
  const situation = SITUATIONS.find(([pattern]) => pattern.test(command));
  return { ...anywhere(system), ...otherwise, ...(await situation?.[1](system)) };
}

/** A word of a command as it is typed. */
export function filled(word: string, values: Values): string {
  const names = Object.keys(values).sort((one, other) => other.length - one.length);
  if (names.length === 0) return word;
  // All at once: a path that was filled in may hold the name of another value.
  const places = new RegExp(`(?<![A-Z]-?)(?:${names.join('|')})(?![A-Z-])`, 'g');
  return word.replaceAll(places, (name) => values[name] ?? name);
}

import { type CompiledQuery, Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, insertClient, type TestDatabase } from '../../../test/support/database.js';
import { patient } from '../../../test/support/patience.js';
import { ensurePartitions, uuidFloor } from '../../postgres/partitions.js';
import type { Database } from '../../postgres/schema.js';
import type { EmailFilter, IdRange } from './filter.js';
import { searchEmails } from './search.js';

const DAY_MS = 86_400_000;
const COUNT = 4_000;
const DAYS = 60;

let database: TestDatabase;
/** Notes what it asks. Tables of this size are read whole at less cost than any index; those in use are not. */
let search: Kysely<Database>;
let asked: CompiledQuery[];
let clientId: string;
/** The index of the whole table, by the name of a month's. */
let wholes: ReadonlyMap<string, string>;

const now = Date.now();
const range: IdRange = {
  from: uuidFloor(new Date(now - DAYS * DAY_MS)),
  before: uuidFloor(new Date(now + 60_000)),
};

beforeAll(async () => {
  database = await createTestDatabase();
  const { db } = database;
  for (const back of [60, 30]) await ensurePartitions(db, new Date(now - back * DAY_MS));
  ({ id: clientId } = await insertClient(db));
  const { id: other } = await insertClient(db);
  // Of each hundred one is bounced, and has a label; the newest have none.
  await sql`
    with made as (
      insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content, content_type,
        tags, metadata, status, created_at, due_at, deadline_at)
      select uuidv7(make_interval(secs => -n * ${(DAYS * 86_400) / COUNT}::float8)),
        case when n % 20 = 0 then ${clientId}::uuid else ${other}::uuid end,
        (array['critical', 'medium', 'low'])[1 + n % 3], 'shop' || n % 90 || '@example.com',
        'reader' || n % 900 || '@example.org', 'reader' || n % 900 || '@example.org', 's', 'c', 'text/plain',
        case when n > 1000 and n % 100 = 0 then array['rare'] else '{}' end,
        case when n > 1000 and n % 100 = 0 then jsonb_build_object('order', n) else '{}' end,
        case when n < 20 then 'queued' when n % 100 = 0 then 'bounced' else 'delivered' end, now(), now(), now()
      from generate_series(1, ${COUNT}) as n
      returning id, status, priority),
    told as (
      insert into email_events (email_id, event_key, type, generation, occurred_at)
      select id, 'k', status, 1, now() from made)
    insert into email_queue (email_id, priority, generation, state, due_at)
    select id, priority, 1, 'waiting', now() from made where status = 'queued'`.execute(db);
  await sql`analyze emails, email_events, email_queue`.execute(db);
  const { rows } = await sql<{ part: string; whole: string }>`
    select part.relname as part, whole.relname as whole from pg_inherits
      join pg_class part on part.oid = inhrelid join pg_class whole on whole.oid = inhparent
    where part.relkind = 'i'`.execute(db);
  wholes = new Map(rows.map(({ part, whole }) => [part, whole]));
  const options = '-c enable_seqscan=off';
  const pool = new pg.Pool({ connectionString: database.url, max: 1, options });
  search = new Kysely<Database>({
    dialect: new PostgresDialect({ pool }),
    log: ({ query }) => void asked.push(query),
  });
}, patient(60_000));
afterAll(async () => {
  await search?.destroy();
  await database?.drop();
});

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly PlanNode[];
}
const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** How PostgreSQL answers each statement of a search: the plans' nodes. */
async function plansOf(filter: EmailFilter, within: IdRange = range): Promise<PlanNode[][]> {
  asked = [];
  await searchEmails(search, filter, within, 20);
  const plans: PlanNode[][] = [];
  for (const { sql: text, parameters } of [...asked]) {
    const explained = { ...sql`explain`.compile(search), sql: `explain (format json) ${text}`, parameters };
    const { rows } = await search.executeQuery<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(explained);
    plans.push(nodesOf(rows[0]!['QUERY PLAN'][0].Plan));
  }
  return plans;
}

/** The indexes of a search, each by the name of the whole table's. */
const indexesOf = (nodes: readonly PlanNode[]) => [
  ...new Set(nodes.flatMap(({ 'Index Name': index }) => (index ? [wholes.get(index) ?? index] : []))),
];

describe('a search is answered along an index', () => {
  it.each<[string, EmailFilter, readonly string[]]>([
    ['a receiver', { receiver: 'reader7@example.org' }, ['emails_by_receiver']],
    ['a sender', { sender: 'shop7@example.com' }, ['emails_by_sender']],
    ['a status of the queue', { status: 'queued' }, ['email_queue_pkey', 'emails_pkey']],
    ['a rare status', { status: 'bounced' }, ['email_events_rare', 'emails_pkey']],
    ['a status that most have', { status: 'delivered' }, ['emails_pkey']],
    ['a priority', { priority: 'critical' }, ['emails_pkey']],
    ['nothing', {}, ['emails_pkey']],
    ['a tag', { tag: 'rare' }, ['emails_pkey', 'emails_by_label']],
    ['metadata', { metadata: [['order', '2000']] }, ['emails_pkey', 'emails_by_label']],
  ])('for %s', async (_, filter, indexes) => {
    const plans = await plansOf(filter);
    expect(plans.length).toBeGreaterThan(0);
    for (const nodes of plans) expect(nodes.map((node) => node['Node Type'])).not.toContain('Seq Scan');
    expect(new Set(plans.flatMap(indexesOf))).toEqual(new Set(indexes));
  });

  const OTHERS: readonly EmailFilter[] = [
    {},
    { sender: 'shop7@example.com' },
    { status: 'queued' },
    { status: 'bounced' },
    { status: 'delivered' },
    { priority: 'low' },
    { tag: 'rare' },
    { metadata: [['order', '2100']] },
  ];
  it('for a client with little mail, whatever else is asked: along its own', async () => {
    for (const filter of OTHERS) {
      const plans = await plansOf({ ...filter, clientId });
      for (const nodes of plans) expect(nodes.map((node) => node['Node Type'])).not.toContain('Seq Scan');
      expect(plans.flatMap(indexesOf), JSON.stringify(filter)).toContain('emails_by_client');
    }
  });

  it('within the months of its window, and no other is looked at', async () => {
    const at = new Date(now - 45 * DAY_MS);
    const [from, before] = [uuidFloor(at), uuidFloor(new Date(at.getTime() + DAY_MS))];
    const months = new Set(
      [at, new Date(at.getTime() + DAY_MS)].map((day) => day.toISOString().slice(0, 7).replace('-', '')),
    );
    const filters = [...OTHERS, { receiver: 'reader7@example.org' }, { clientId }];
    for (const filter of filters.filter(({ status }) => status !== 'queued')) {
      for (const nodes of await plansOf(filter, { from, before })) {
        const tables = nodes.flatMap((node) => node['Relation Name'] ?? []);
        for (const table of tables)
          expect(months, `${JSON.stringify(filter)} reads ${table}`).toContain(table.slice(-6));
      }
    }
  });
});

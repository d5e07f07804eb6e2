import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, insertClient, type TestDatabase } from '../../../test/support/database.js';
import { patient } from '../../../test/support/patience.js';
import { completeMonthIndexes } from '../../postgres/month-index.js';
import { ensurePartitions, uuidFloor } from '../../postgres/partitions.js';

import type { EmailFilter, IdRange } from './filter.js';
import { SEARCH_INDEXES } from './indexes.js';
import { searchEmails } from './search.js';

const DAY_MS = 86_400_000;
const CLIENTS = 3;
const RECEIVERS = ['ada@example.org', 'ada+news@example.org', 'bob@xn--bcher-kva.example.org'];
const SENDERS = ['shop@example.com', 'Shop <shop@example.com>', '"Shop, north" <North@example.com>'];
const STATUSES = ['queued', 'delivered', 'bounced', 'deferred', 'replied'];
const TAGS = [[], ['welcome'], ['welcome', 'trial']];
const METADATA = [{}, { order: 1 }, { order: '1', plan: 'a=b' }, { order: [1] }, { ok: true }];

let database: TestDatabase;
let clients: string[];
/** Every e-mail, the newest first. */
let all: { id: string; of: Required<Made> }[];

interface Made {
  readonly client: number;
  readonly receiver: string;
  readonly sender: string;
  readonly status: string;
  readonly priority: 'critical' | 'medium' | 'low';
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

const now = Date.now();
const range: IdRange = { from: uuidFloor(new Date(now - 70 * DAY_MS)), before: uuidFloor(new Date(now + 60_000)) };
const of = <T>(list: readonly T[], n: number) => list[n % list.length]!;

beforeAll(async () => {
  database = await createTestDatabase();
  for (const back of [80, 50, 20]) await ensurePartitions(database.db, new Date(now - back * DAY_MS));
  clients = [];
  for (let n = 0; n < CLIENTS; n++) clients.push((await insertClient(database.db)).id);
  // In spans of their own, and several in one; over three months.
  all = Array.from({ length: 700 }, (_, n) => ({
    id: uuidFloor(new Date(now - Math.floor((n / 700) ** 3 * 70 * DAY_MS) - n)),
    of: {
      client: n % 7 === 0 ? 1 : n % 101 === 0 ? 2 : 0,
      receiver: of(RECEIVERS, Math.floor(n / 3)),
      sender: of(SENDERS, Math.floor(n / 5)),
      status: of(STATUSES, Math.floor(n / 2)),
      priority: of(['critical', 'medium', 'low'] as const, n),
      tags: of(TAGS, Math.floor(n / 4)),
      metadata: of(METADATA, Math.floor(n / 11)),
    },
  }));
  for (const { id, of: made } of all) {
    await sql`insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content,
        content_type, tags, metadata, status, created_at, due_at, deadline_at)
      values (${id}, ${clients[made.client]}, ${made.priority}, ${made.sender}, ${made.receiver}, ${made.receiver}, 's', 'c',
        'text/plain', ${[...made.tags]}, ${JSON.stringify(made.metadata)}, ${made.status}, now(), now(), now())`.execute(
      database.db,
    );
    await sql`insert into email_events (email_id, event_key, type, generation, occurred_at)
      values (${id}, 'k', ${made.status}, 1, now()), (${id}, 'again', ${made.status}, 1, now())`.execute(database.db);
    if (made.status === 'queued') {
      await sql`insert into email_queue (email_id, priority, generation, state, due_at)
        values (${id}, ${made.priority}, 1, 'waiting', now())`.execute(database.db);
    }
  }
}, patient(60_000));
afterAll(() => database?.drop());

const senderOf = (sender: string) => (/<(.*)>/.exec(sender)?.[1] ?? sender).toLowerCase();

/** The same by looking at every e-mail. */
function expected(filter: EmailFilter): string[] {
  const has = (metadata: Readonly<Record<string, unknown>>, name: string, value: string) =>
    typeof metadata[name] !== 'object' && name in metadata && String(metadata[name]) === value;
  return all
    .filter(({ of: made }) => !filter.clientId || clients[made.client] === filter.clientId)
    .filter(({ of: made }) => !filter.receiver || made.receiver === filter.receiver)
    .filter(({ of: made }) => !filter.sender || senderOf(made.sender) === filter.sender)
    .filter(({ of: made }) => !filter.status || made.status === filter.status)
    .filter(({ of: made }) => !filter.priority || made.priority === filter.priority)
    .filter(({ of: made }) => !filter.tag || made.tags.includes(filter.tag))
    .filter(({ of: made }) => (filter.metadata ?? []).every(([name, value]) => has(made.metadata, name, value)))
    .map(({ id }) => id);
}

/** All pages, one after the other. */
async function found(filter: EmailFilter, limit = 20): Promise<string[]> {
  const ids: string[] = [];
  let before: string | undefined = range.before;
  while (before) {
    const page: Awaited<ReturnType<typeof searchEmails>> = await searchEmails(
      database.db,
      filter,
      { ...range, before },
      limit,
    );
    ids.push(...page.emails.map(({ id }) => id));
    before = page.before;
  }
  return ids;
}

describe('a search', () => {
  it(
    'finds what looking at every e-mail would find, the newest first and each once, whatever is asked',
    async () => {
      const maybe = <T>(values: readonly T[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
      const filters = fc.record({
        clientId: fc.option(fc.nat(CLIENTS - 1), { nil: undefined }),
        receiver: maybe([...RECEIVERS, 'nobody@example.org']),
        sender: maybe(['shop@example.com', 'north@example.com']),
        status: maybe([...STATUSES, 'sending']),
        priority: maybe(['critical', 'medium', 'low'] as const),
        tag: maybe(['welcome', 'trial', 'never']),
        metadata: maybe([
          [['order', '1']],
          [['plan', 'a=b']],
          [['ok', 'true']],
          [
            ['order', '1'],
            ['plan', 'a=b'],
          ],
          [['order', '[1]']],
        ] as const),
      });
      const property = fc.asyncProperty(filters, fc.constantFrom(1, 7, 200), async (asked, limit) => {
        const { clientId, ...others } = asked;
        const filter: EmailFilter = { ...others, clientId: clientId === undefined ? undefined : clients[clientId] };
        const ids = expected(filter);
        expect(await found(filter, limit === 1 && ids.length > 40 ? 7 : limit)).toEqual(ids);
      });
      await fc.assert(property, { numRuns: 150 });
    },
    patient(60_000),
  );

  it('shows nothing of before or after the times asked for', async () => {
    const [from, before] = [all[300]!.id, all[100]!.id];
    const page = await searchEmails(database.db, {}, { from, before }, 200);
    expect(page.emails.map(({ id }) => id)).toEqual(all.slice(101, 301).map(({ id }) => id));
    const labelled = await searchEmails(database.db, { tag: 'trial' }, { from, before }, 200);
    const trial = all.slice(101, 301).filter(({ of: made }) => made.tags.includes('trial'));
    expect(labelled.emails.map(({ id }) => id)).toEqual(trial.map(({ id }) => id));
  });
});

describe('the indexes of the search', () => {
  const leavesWithout = async () => {
    const { rows } = await sql<{ leaf: string; index: string }>`
      select c.relname as leaf, w.name as index from unnest(${SEARCH_INDEXES.map(({ name }) => name)}::text[],
        ${SEARCH_INDEXES.map(({ table }) => table)}::text[]) as w (name, parent)
        join pg_inherits p on p.inhparent = w.parent::regclass join pg_class c on c.oid = p.inhrelid
      where not exists (select from pg_inherits q join pg_index i on i.indexrelid = q.inhrelid
        where q.inhparent = w.name::regclass and i.indrelid = c.oid and i.indisvalid)`.execute(database.db);
    return rows;
  };

  it('cover every month, also those that are made later', async () => {
    expect(await leavesWithout()).toEqual([]);
  });

  it(
    'are built beside the traffic for months that were too large for the migration, by one process at a time',
    async () => {
      for (const { name, covers, table } of SEARCH_INDEXES) {
        await sql.raw(`drop index ${name}`).execute(database.db);
        await sql.raw(`create index ${name} on only ${table} ${covers}`).execute(database.db);
      }
      expect((await leavesWithout()).length).toBeGreaterThan(20);
      await Promise.all([
        completeMonthIndexes(database.db, SEARCH_INDEXES),
        completeMonthIndexes(database.db, SEARCH_INDEXES),
      ]);
      await completeMonthIndexes(database.db, SEARCH_INDEXES);
      expect(await leavesWithout()).toEqual([]);
      expect(await found({ tag: 'trial' })).toEqual(expected({ tag: 'trial' }));
    },
    patient(30_000),
  );
});

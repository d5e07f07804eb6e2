import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { ensurePartitions, uuidFloor } from '../../postgres/partitions.js';
import type { CounterName } from '../../postgres/schema.js';
import { inParallel } from '../../process/parallel.js';
import { seedClients } from './clients.js';
import type { Life } from './lives.js';
import { planLives, type SeedPlan, tell } from './plan.js';
import { Chance } from './random.js';
import { seedSamples } from './samples.js';
import { type Row, type SeededTable, type Story, TABLES } from './story.js';

/** E-mails a transaction: a batch is written while the next one is made up. */
const BATCH = 2_000;
const WIDTH = 2;

interface SeedOptions {
  readonly count: number;
  readonly days: number;
  readonly inWork: boolean;
  /** Two runs of one seed tell the same lives, of other e-mails. */
  readonly seed?: number;
  readonly onProgress?: (written: number) => void;
}

/** Rows written, by table. */
type Seeded = Record<SeededTable, number>;

/** Writes made-up e-mails into the record, in the past and complete, beside whatever is there. */
export async function seed(db: Db, options: SeedOptions): Promise<Seeded> {
  const now = new Date();
  // Months that have passed have no partitions yet; what is older than the days asked for has little of it.
  await ensurePartitions(db, new Date(now.getTime() - (options.days + 1) * 86_400_000));
  await ensurePartitions(db);
  await countServiceLevels(db, options.days);
  const plan: SeedPlan = { ...options, now, clients: await seedClients(db) };
  const chance = new Chance(options.seed ?? now.getTime());
  const lives = shuffled(planLives(plan), chance);
  const seeded = Object.fromEntries(TABLES.map((table) => [table, 0])) as Seeded;
  let written = 0;
  await inParallel(Math.ceil(lives.length / BATCH), WIDTH, async (batch) => {
    const stories = lives.slice(batch * BATCH, (batch + 1) * BATCH).map((life) => tell(life, chance, plan));
    await writeBatch(db, stories, seeded);
    written += stories.length;
    options.onProgress?.(written);
  });
  await db.transaction().execute(async (trx) => {
    await sql`set local statement_timeout = 0`.execute(trx);
    await seedSamples(trx);
  });
  for (const table of TABLES) await sql`analyze ${sql.table(table)}`.execute(db);
  return seeded;
}

/**
 * Has the service levels of those days counted: the triggers of `emails` do it, from the hour on that stands here. Where
 * there are e-mails from before that hour it stays, because those were not counted.
 */
async function countServiceLevels(db: Db, days: number): Promise<void> {
  const { counted_from } = await db.selectFrom('service_level_start').select('counted_from').executeTakeFirstOrThrow();
  const earlier = await db
    .selectFrom('emails')
    .select('id')
    .where('id', '<', uuidFloor(counted_from))
    .limit(1)
    .execute();
  if (earlier.length > 0) return;
  await sql`update service_level_start set counted_from =
    least(counted_from, date_trunc('hour', now() - make_interval(days => ${days + 1}), 'UTC'))`.execute(db);
}

/** Every life as often as planned, in no order: batches are alike. */
function shuffled(planned: readonly [Life, number][], chance: Chance): Life[] {
  const lives = planned.flatMap(([life, times]) => Array.from({ length: times }, () => life));
  for (let last = lives.length - 1; last > 0; last--) {
    const other = chance.below(last + 1);
    [lives[last], lives[other]] = [lives[other] as Life, lives[last] as Life];
  }
  return lives;
}

async function writeBatch(db: Db, stories: readonly Story[], seeded: Seeded): Promise<void> {
  const told = stories.map((story) => story.rows());
  const rowsOf = (table: SeededTable) => told.flatMap((rows) => rows[table]);
  await db.transaction().execute(async (trx) => {
    // Whoever seeds waits for it; what is counted at the end takes its time on a busy machine.
    await sql`set local statement_timeout = 0`.execute(trx);
    // At its end it counts e-mails of many hours: two that did so at once would wait for each other's counters.
    await sql`select pg_advisory_xact_lock(hashtext('tempost.seed'))`.execute(trx);
    for (const table of TABLES) {
      const rows = rowsOf(table);
      const inserted = await insertRows(trx, table, rows);
      seeded[table] += inserted;
    }
    await countUsage(trx, rowsOf('emails'));
    await countCalls(trx, rowsOf('send_attempts'));
    await countForGood(trx, rowsOf('email_events'), rowsOf('send_attempts'));
  });
}

/** All rows as one parameter, however many; columns that none of them names get their defaults. */
async function insertRows(db: Db, table: string, rows: readonly Row[]): Promise<number> {
  if (rows.length === 0) return 0;
  const columns = sql.join(Object.keys(rows[0] as Row).map((name) => sql.ref(name)));
  const { numAffectedRows } = await sql`insert into ${sql.table(table)} (${columns})
    select ${columns} from json_populate_recordset(null::${sql.table(table)}, ${JSON.stringify(rows)}::json)
    on conflict do nothing`.execute(db);
  return Number(numAffectedRows);
}

async function countUsage(db: Db, emails: readonly Row[]): Promise<void> {
  await sql`insert into client_usage as used (client_id, priority, day, accepted)
    select client_id, priority, (created_at at time zone 'UTC')::date, count(*)
    from json_populate_recordset(null::emails, ${JSON.stringify(emails)}::json) group by 1, 2, 3 order by 1, 2, 3
    on conflict (client_id, priority, day) do update set accepted = used.accepted + excluded.accepted`.execute(db);
}

async function countCalls(db: Db, attempts: readonly Row[]): Promise<void> {
  await sql`insert into provider_calls as counted (provider, day, shard, calls)
    select provider, (started_at at time zone 'UTC')::date, 0, count(*)
    from json_populate_recordset(null::send_attempts, ${JSON.stringify(attempts)}::json) group by 1, 2 order by 1, 2
    on conflict (provider, day, shard) do update set calls = counted.calls + excluded.calls`.execute(db);
}

/** What is counted for good, of what has been told. In a fixed order, so that two batches never wait for each other. */
async function countForGood(db: Db, events: readonly Row[], attempts: readonly Row[]): Promise<void> {
  const adopted = attempts.filter(({ state, code }) => state === 'accepted' && code !== null);
  const counted: readonly [CounterName, readonly Row[]][] = [
    ['adopted_attempts', adopted],
    ['ambiguous_attempts', events.filter(({ type }) => type === 'unconfirmed')],
    ['quiet_emails', events.filter(({ type }) => type === 'quiet')],
  ];
  for (const [name, rows] of counted) {
    await sql`insert into counters (name, label, value)
      select ${name}, provider, count(*) from unnest(${rows.map(({ provider }) => provider)}::text[]) as provider
      group by 2 order by 2
      on conflict (name, label) do update set value = counters.value + excluded.value`.execute(db);
  }
}

import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../src/cli/run.js';
import { beginRetention } from '../src/domain/jobs/begin-retention.js';
import { beginJob, findJob, listJobs, stopJob } from '../src/domain/jobs/jobs.js';
import { removeObjects } from '../src/domain/personal-data/objects.js';
import { sendForm } from './support/api.js';
import { OFF, type RetentionWorld, startRetentionWorld } from './support/retained/world.js';

let world: RetentionWorld;
beforeAll(async () => {
  world = await startRetentionWorld();
});
afterAll(() => world?.stop());

const setPeriods = (id: string, retention: object) =>
  fetch(`${world.api.url}/api/clients/${id}`, {
    method: 'PATCH',
    headers: { Authorization: `Bearer ${world.admin.key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ retention }),
  });

describe('what is known of an e-mail', () => {
  it('goes after its client’s shorter period without a row left; suppressions and dead letters stay', async () => {
    const owner = await world.client({ record_days: 60 });
    const old = await world.insertOld({ daysAgo: 61, client: owner, attached: true });
    const dead = await world.insertOld({ daysAgo: 61, client: owner, isDead: true });
    const young = await world.insertOld({ daysAgo: 59, client: owner });
    const others = await world.insertOld({ daysAgo: 61, client: await world.client() });
    const suppression = {
      client_id: owner.id,
      address: 'reader@example.org',
      reason: 'bounced',
      email_id: old,
    } as const;
    await world.db.insertInto('suppressions').values(suppression).execute();
    await world.retain();
    await removeObjects(world.db, world.store);
    expect(await Promise.all([old, dead, young, others].map(world.exists))).toEqual([false, true, true, true]);
    expect(world.objects()).not.toContain(old);
    const { rows: tables } = await sql<{ table: string }>`select table_name as "table" from information_schema.columns
      where column_name = 'email_id' and table_schema = current_schema() and table_name not in ('suppressions')
        and is_updatable = 'YES'`.execute(world.db);
    expect(tables.length).toBeGreaterThan(8);
    for (const { table } of tables) {
      const { rows } = await sql`select from ${sql.table(table)} where email_id = ${old}`.execute(world.db);
      expect([table, rows.length]).toEqual([table, 0]);
    }
    expect((await world.api.get(`/api/email/${old}`, owner.key)).status).toBe(404);
    const kept = await world.db.selectFrom('suppressions').selectAll().where('client_id', '=', owner.id).execute();
    expect(kept).toHaveLength(1);
  });
});

describe('the removal', () => {
  it('does each e-mail once, however often it is broken off and by how many it is done, and fails no request', async () => {
    const owner = await world.client({ content_days: 1, daily_limit_medium: 1_000_000 });
    await world.insertMany(650, { daysAgo: 3, client: owner });
    const id = (await beginJob(world.db, {
      kind: 'retention',
      parameters: { configured: OFF },
      reason: 'test',
      ratePerS: 500,
    }))!;
    let stopped = false;
    const statuses: number[] = [];
    const traffic = (async () => {
      while (!stopped) {
        const sent = await world.api.send(sendForm({}), { Authorization: `Bearer ${owner.key}` });
        statuses.push(sent.status);
      }
    })();
    for (let tries = 0; tries < 6; tries++) {
      const [one, two] = [new AbortController(), new AbortController()];
      const runs = [world.runJobs(one.signal), world.runJobs(two.signal)].map((run) => run.catch(() => {}));
      setTimeout(() => one.abort(), 20 * tries);
      setTimeout(() => two.abort(), 15 * tries);
      await Promise.all(runs);
    }
    await world.runJobs();
    stopped = true;
    await traffic;
    expect(await findJob(world.db, id)).toMatchObject({ state: 'done' });
    expect(new Set(statuses)).toEqual(new Set([200]));
    const { rows } =
      await sql`select removed, (select count(*) from emails e where e.client_id = ${owner.id} and content = '')
      as without from retention_walks where client_id = ${owner.id}`.execute(world.db);
    expect(rows).toEqual([{ removed: 650, without: 650 }]);
  });

  it('is begun once a day, by whichever dispatcher, when something is to be kept for a time; a stopped one holds it up', async () => {
    await sql`update clients set content_days = null, record_days = null`.execute(world.db);
    await sql`delete from job_items`.execute(world.db);
    await sql`delete from jobs`.execute(world.db);
    expect(await beginRetention(world.db, OFF)).toBeUndefined();
    const configured = { content: 30, record: null };
    const first = (await beginRetention(world.db, configured))!;
    expect(first).toBeDefined();
    expect(await beginRetention(world.db, configured)).toBeUndefined();
    await stopJob(world.db, first);
    await sql`update jobs set created_at = now() - interval '3 days'`.execute(world.db);
    expect(await beginRetention(world.db, configured)).toBeUndefined();
    await sql`update jobs set state = 'done'`.execute(world.db);
    expect(await beginRetention(world.db, configured)).toBeDefined();
    await sql`delete from jobs`.execute(world.db);
  });
});

describe('a client’s periods', () => {
  it('are set and shown by the API and the command line; what is configured holds for the others', async () => {
    const { id } = await world.client();
    expect(await (await setPeriods(id, { content_days: 30 })).json()).toMatchObject({
      retention: { content_days: 30, record_days: null, kept_content_days: 30, kept_record_days: null },
    });
    const cli = async (...words: string[]) => {
      const lines: string[] = [];
      const say = (line: string) => void lines.push(line);
      const code = await runCli(
        words,
        { TEMPOST_URL: world.api.url, TEMPOST_API_KEY: world.admin.key },
        { out: say, error: say },
      );
      return [code, lines.join('\n')] as const;
    };
    expect(await cli('client', id, 'record', '400')).toEqual([0, expect.stringMatching(/records are kept +400 days/)]);
    expect(await cli('client', id, 'content', 'forever')).toEqual([
      0,
      expect.stringMatching(/contents are kept +for good/),
    ]);
    for (const wrong of [{ content_days: -1 }, { record_days: 1.5 }, { content_days: '30' }, { days: 3 }]) {
      expect((await setPeriods(id, wrong)).status).toBe(422);
    }
  });
});

describe('months', () => {
  it('of which nothing is young for any client are dropped by a job; in one that is kept, all but what keeps it goes', async () => {
    await sql`update clients set content_days = null, record_days = null`.execute(world.db);
    await sql`truncate retention_deferred, retention_walks, dead_emails, email_queue`.execute(world.db);
    const owner = await world.client();
    const oldest = await world.insertOld({ daysAgo: 420, client: owner });
    const keeps = await world.insertOld({ daysAgo: 380, client: owner, isDead: true });
    const beside = await world.insertOld({ daysAgo: 380, client: owner });
    const young = await world.insertOld({ daysAgo: 200, client: owner });
    const job = await world.retain({ content: null, record: 250 });
    expect(job).toMatchObject({ state: 'done', counts: { failed: {}, skipped: {} } });
    const drops = await listJobs(world.db, { kind: 'drop_month' }, { limit: 9 });
    expect(drops).toMatchObject([{ state: 'done', reason: 'retention' }]);
    expect(await Promise.all([oldest, keeps, beside, young].map(world.exists))).toEqual([false, true, false, true]);
  });
});

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { metricNames, metricNamesOfBackups } from '../../../test/support/monitoring/metric-names.js';
import { beginLook, keepSeen } from '../../domain/fleets/builds.js';
import { heartbeatRow } from '../../domain/fleets/heartbeats.js';
import { hold } from '../../domain/holds/holds.js';
import { changeProvider } from '../../domain/provider-health/switches.js';
import { pause } from '../../domain/queue/pauses.js';
import { count } from '../../postgres/counters.js';
import type { Db } from '../../postgres/database.js';
import { COUNTER_NAMES } from '../../postgres/schema.js';
import { sampleRecord } from './sample.js';

let database: TestDatabase;
let text: string;
beforeAll(async () => {
  database = await createTestDatabase();
  await arrange(database.db);
  text = await sampleRecord(sourcesOf(database.db))();
});
afterAll(() => database?.drop());

/** Something of everything that is measured. */
async function arrange(db: Db): Promise<void> {
  await insertQueuedEmail(db, { priority: 'low', dueInS: -100 });
  await insertQueuedEmail(db, { priority: 'low' });
  await insertQueuedEmail(db, { priority: 'critical', state: 'in_flight' });
  const stuck = await insertQueuedEmail(db, { priority: 'medium', state: 'in_flight' });
  await sql`update email_queue set dispatched_at = now() - interval '3 minutes' where email_id = ${stuck}`.execute(db);
  await count(db, 'ambiguous_attempts', 'mailgun');
  await count(db, 'ambiguous_attempts', 'mailgun');
  await db.updateTable('provider_health').set({ state: 'open' }).where('provider', '=', 'mandrill').execute();
  await pause(db, ['low'], 'test');
  const dead = await insertQueuedEmail(db, { state: 'handed_over' });
  await db.insertInto('dead_emails').values({ email_id: dead, generation: 1, reason: 'ambiguous' }).execute();
  await sql`insert into pending_signals (email_id, kind, try_at, enqueued_at)
    values (${stuck}, 'delivered', now(), now() - interval '70 seconds')`.execute(db);
  await changeProvider(db, 'mandrill', {
    enabled: false,
    forced: 'open',
    per_day: 500,
    rate_per_s: 20,
    reason: 'test',
  });
  const worker = { process: 'worker', priority: 'low', version: '1.2.3' } as const;
  const vitals = { polling: true, slotsUsed: 0, slots: 60, lastTaskMsAgo: null };
  await heartbeatRow(db, worker).beat(vitals);
  await heartbeatRow(db, worker).beat({ ...vitals, polling: false });
  await heartbeatRow(db, { ...worker, buildId: '1.3.0' }).beat(vitals);
  const shares = [{ buildId: '1.2.0', share: 100, pinned: { critical: 0, medium: 0, low: 7 } }];
  await keepSeen(db, { current: '1.2.0', ramping: null, shares }, (await beginLook(db))!);
  await heartbeatRow(db, { process: 'api', priority: null, version: '1.2.3' }).beat(undefined);
  await sql`update process_heartbeats set beat_at = beat_at - interval '1 minute' where process = 'api'`.execute(db);
  const [uploading, scheduled] = [
    await insertQueuedEmail(db, { state: 'in_flight', dueInS: -100 }),
    await insertQueuedEmail(db, { dueInS: 3_600 }),
  ];
  await sql`update email_queue set dispatched_at = now() - interval '80 seconds' where email_id = ${uploading}`.execute(
    db,
  );
  for (const email_id of [uploading, scheduled]) {
    const file = { filename: 'a.txt', content_type: 'text/plain', size_bytes: 1, sha256: '0'.repeat(64) };
    await db
      .insertInto('attachments')
      .values({ email_id, ...file })
      .execute();
    await db
      .insertInto('attachment_chunks')
      .values({ email_id, seq: 0, data: Buffer.from('a') })
      .execute();
  }
  const asked_at = sql<Date>`now() - interval '90 seconds'`;
  await db.insertInto('object_removals').values({ storage_path: 'of/nobody', asked_at }).execute();
  await sql`insert into disk_samples (day, at, bytes)
    select current_date - 2, now() - interval '2 days', pg_database_size(current_database()) - 2000000000`.execute(db);
  await hold(db, { tag: 'spring-sale', reject: false, reason: 'test' });
  await hold(db, { tag: 'summer-sale', reject: true, reason: 'test' });
  // With a first deadline in this hour, so that there is something attained.
  const sent = await insertQueuedEmail(db, { priority: 'critical', state: 'handed_over' });
  await sql`update emails set sent_at = now() where id = ${sent}`.execute(db);
}

const sourcesOf = (db: Db) => ({
  db,
  deadlineMs: { critical: 15_000, medium: 60_000, low: 60_000 },
  serviceLevelTarget: 99.9,
  disk: { capacityBytes: 1e12, directory: null },
  inFlightLimit: { critical: 50, medium: 60, low: 40 },
  providers: ['mailgun' as const, 'mandrill' as const],
  windows: { critical: { size: 10 }, medium: { size: 6 }, low: { size: 3 } },
});

it('tells Prometheus the depth, age and lateness of each queue, the breakers, the windows, and what was counted', () => {
  expect(text).toContain('tempost_queue_emails{priority="low",state="waiting"} 2');
  expect(text).toContain('tempost_queue_emails{priority="critical",state="in_flight"} 1');
  expect(text).toContain('tempost_queue_emails{priority="medium",state="waiting"} 0');
  expect(text).toContain('tempost_queue_stuck_emails{priority="medium"} 1');
  expect(text).toContain('tempost_queue_stuck_emails{priority="critical"} 0');
  expect(text).toContain('tempost_queue_late_emails{priority="low"} 1');
  expect(text).toMatch(/tempost_queue_oldest_seconds\{priority="low"\} 10\d/);
  expect(text).toContain('tempost_queue_paused{priority="low",by="tempost"} 1');
  expect(text).toContain('tempost_queue_paused{priority="low",by="temporal"} 0');
  expect(text).toContain('tempost_queue_admitting_providers{priority="medium"} 1');
  expect(text).toContain('tempost_provider_breaker_open{provider="mandrill"} 1');
  expect(text).toContain('tempost_dispatcher_starting_window{priority="medium"} 6');
  expect(text).toContain('tempost_dispatcher_starting_window{priority="low"} 3');
  expect(text).not.toContain('tempost_dispatcher_starting_window{priority="critical"}');
  expect(text).toContain('tempost_service_level_attainment_ratio{priority="critical"} 1');
  expect(text).toContain('tempost_service_level_objective_ratio 0.999');
  expect(text).toContain('tempost_scale_wanted_workers{priority="critical"} 2');
  expect(text).toContain('tempost_scale_wanted_workers{priority="low"} 1');
  expect(text).toContain('tempost_scale_emails{priority="low"} 0');
  expect(text).toContain('tempost_scale_emails{priority="critical"} 1');
  expect(text).toContain('tempost_scale_workers{priority="low"} 3');
  expect(text).toContain('tempost_scale_in_flight_limit{priority="low"} 40');
  expect(text).toMatch(/^tempost_scale_oldest_deadline_seconds\{priority="low"\} -[3-9]\d$/m);
  expect(text).toMatch(/^tempost_scale_arrivals_per_second\{priority="low",over="5m"\} 0\.007$/m);
  expect(text).toContain('tempost_events_total{event="ambiguous_attempts",provider="mailgun"} 2');
});

it('tells Prometheus what operators have switched, and what waits for a person, for Temporal, or for its hour', () => {
  expect(text).toContain('tempost_provider_enabled{provider="mandrill"} 0');
  expect(text).toContain('tempost_provider_enabled{provider="mailgun"} 1');
  expect(text).toContain('tempost_provider_configured{provider="smtp"} 0');
  expect(text).toContain('tempost_provider_forced{provider="mandrill",state="open"} 1');
  expect(text).toContain('tempost_provider_forced{provider="mandrill",state="closed"} 0');
  expect(text).toContain('tempost_provider_quota_calls{provider="mandrill"} 500');
  expect(text).not.toContain('tempost_provider_quota_calls{provider="mailgun"}');
  expect(text).toContain('tempost_provider_quota_used_calls{provider="mandrill"} 0');
  expect(text).toContain('tempost_provider_rate_limit{provider="mandrill"} 20');
  expect(text).toContain('tempost_dead_letters{reason="ambiguous"} 1');
  expect(text).toContain('tempost_dead_letters{reason="lifetime_over"} 0');
  expect(text).toContain('tempost_pending_signals 1');
  expect(text).toMatch(/^tempost_pending_signals_oldest_seconds (7|8|9)\d$/m);
  expect(text).toContain('tempost_untold_failures 0');
  expect(text).toContain('tempost_untold_failures_oldest_seconds 0');
  // The attachment of the e-mail that is not due yet does not count.
  expect(text).toContain('tempost_pending_uploads 1');
  expect(text).toMatch(/^tempost_pending_uploads_oldest_seconds (8|9)\d$/m);
  expect(text).toContain('tempost_pending_removals 1');
  expect(text).toMatch(/^tempost_pending_removals_oldest_seconds (9|10)\d$/m);
  expect(text).toContain('tempost_holds{effect="hold"} 1');
  expect(text).toContain('tempost_holds{effect="reject"} 1');
});

it('tells Prometheus what the database takes, by what it grows, and when the disk is full', () => {
  expect(text).toMatch(/^tempost_database_bytes\{group="emails"\} [1-9]\d+$/m);
  expect(text).toMatch(/^tempost_disk_free_bytes 9\d{11}$/m);
  // A gigabyte a day.
  expect(text).toMatch(/^tempost_database_daily_growth_bytes (9\d{8}|1\d{9})$/m);
  expect(text).toMatch(/^tempost_disk_left_seconds [78]\d{7}$/m);
});

it('tells Prometheus which processes say that they run, which do not poll, and which are silent', () => {
  const processes = (process: string, state: string) => `tempost_processes{process="${process}",state="${state}"}`;
  for (const sample of [
    `${processes('worker-low', 'well')} 2`,
    `${processes('worker-low', 'not_polling')} 1`,
    `${processes('worker-low', 'silent')} 0`,
    `${processes('api', 'well')} 0`,
    `${processes('api', 'silent')} 1`,
    `${processes('worker-critical', 'well')} 0`,
  ]) {
    expect(text.split('\n')).toContain(sample);
  }
});

it('tells Prometheus what stays with each build of the workers, and which is missed', () => {
  for (const sample of [
    'tempost_worker_build_share_ratio{build="1.2.0"} 1',
    'tempost_worker_build_pinned_emails{build="1.2.0",priority="low"} 7',
    'tempost_worker_build_workers{build="1.2.0",priority="low"} 0',
    'tempost_worker_build_workers{build="1.3.0",priority="low"} 1',
    'tempost_worker_build_missing{build="1.2.0",priority="low"} 1',
    'tempost_worker_build_missing{build="1.3.0",priority="low"} 0',
    'tempost_worker_build_missing{build="none",priority="low"} 0',
  ]) {
    expect(text.split('\n')).toContain(sample);
  }
});

it('counts once for all who ask within some seconds', async () => {
  let statements = 0;
  const db = database.db.withPlugin({
    transformQuery: ({ node }) => {
      statements++;
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  const sample = sampleRecord(sourcesOf(db));
  const first = await sample();
  const counted = statements;
  expect(counted).toBeGreaterThan(3);
  expect(await Promise.all([sample(), sample(), sample()])).toEqual([first, first, first]);
  expect(statements).toBe(counted);
});

describe('the metrics keep the conventions', () => {
  /** The families as Prometheus reads them. */
  const families = () =>
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => ({ name: name!, type: type! }));

  it('of names: a counter ends in _total, nothing else does; base units, written out', () => {
    expect(families().length).toBeGreaterThan(10);
    for (const { name, type } of families()) {
      expect(name).toMatch(/^tempost_[a-z]+(_[a-z]+)*$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(name).not.toMatch(/_(ms|milliseconds|minutes|hours|kb|mb|count|bucket|sum|info)(_|$)/);
    }
  });

  it('of help: every family has one, and every family has samples', () => {
    for (const { name } of families()) {
      expect(text).toMatch(new RegExp(`^# HELP ${name} \\S.+$`, 'm'));
      expect(text).toMatch(new RegExp(`^${name}(\\{[^}]+\\})? -?[0-9.e+-]+$`, 'm'));
    }
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const known = families().map(({ name }) => name);
    for (const sample of samples) expect(known).toContain(sample.split(/[{ ]/)[0]);
  });

  it('of counters: each has a sample before it first counts, or its first increase is not seen', () => {
    for (const event of COUNTER_NAMES) {
      for (const provider of ['mailgun', 'mandrill', 'smtp']) {
        expect(text).toMatch(
          new RegExp(`^tempost_events_total\\{event="${event}",provider="${provider}"\\} \\d+$`, 'm'),
        );
      }
    }
  });

  it('of the documents: what they tell to watch is measured', () => {
    const told =
      readFileSync(new URL('../../../docs/operating.md', import.meta.url), 'utf8').match(/tempost_\w+/g) ?? [];
    expect(told.length).toBeGreaterThan(5);
    for (const name of told) expect([...metricNames(), ...metricNamesOfBackups()]).toContain(name);
    for (const { name } of families()) expect(metricNames()).toContain(name);
  });

  // Debian's package `prometheus` has it; `.ci/run` fetches it where it can, and says so where it cannot.
  const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
  it.skipIf(!hasPromtool)('as promtool sees them', () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    expect(`${stdout}${stderr}`).toBe('');
    expect(status).toBe(0);
  });
});

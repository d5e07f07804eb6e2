// deploy/barman at work: a server whose log goes to a bucket, a base backup, a restore that is tried, one to a moment.
import { once } from 'node:events';
import { chmodSync, closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type RunningPostgres, removePostgresHome, startPostgres } from '../../src/dev/postgres/server.js';
import { freePort } from '../../test/support/ports.js';
import { Barman } from './barman.js';

const PATIENCE_MS = 20 * 60_000;

/** Backups by `tempost-backup`, made, watched, tried and restored; and that it notices what is wrong. */
export async function checkBackups(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tempost-backups-'));
  chmodSync(folder, 0o755);
  let barman: Barman | undefined;
  const servers: RunningPostgres[] = [];
  try {
    barman = await Barman.start(folder);
    return await exercise(folder, barman, servers);
  } finally {
    for (const server of servers) await server.stop();
    await barman?.stop();
    removePostgresHome(join(folder, 'server'));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function exercise(folder: string, barman: Barman, servers: RunningPostgres[]): Promise<string> {
  const begunMs = Date.now();
  const home = join(folder, 'server');
  // Without a restore_command nobody can begin a recovery, which ends at once here and makes this a new leader.
  const settings = { archive_mode: 'on', archive_command: barman.archiveCommand, restore_command: 'false' };
  const start = async () => {
    const server = await startPostgres({ home, port: await freePort(), settings });
    servers.push(server);
    barman.serve(server.url);
    return server;
  };
  const server = await start();
  await expectFails(barman, 'no good base backup', 'check');
  await query(server, 'create table kept as select n, md5(n::text) as text from generate_series(1, 20000) n');
  await barman.must('make');
  await query(server, 'insert into kept values (0, null)');
  const clock = `to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
  const [now] = await query<{ point: string }>(server, `select ${clock} as point`);
  await query(server, 'create index on kept (text); delete from kept where n > 10');
  await archived(server);
  await expectAnotherRefused(folder, barman, server, servers);
  await expectTryEnded(folder, barman);
  const tried = await barman.must('try');
  for (const name of ['base', 'checked', 'archived', 'waiting_since', 'tried', 'tried_to'])
    expectRecent(barman, name, begunMs);
  await expectRestored(folder, barman, now!.point, server);
  const leader = await expectPromoted(barman, server, start);
  await damageIndex(leader);
  const damaged = await start();
  await barman.must('make');
  await archived(damaged);
  await expectFails(barman, 'pg_checksums ended with', 'try');
  await barman.stop();
  const asked = await barman.run('fetch', '0000000100000000000000FE', join(folder, 'scratch', 'segment'));
  expect(asked.code > 125, `a bucket that is away ends a replay: ${asked.code}`);
  return tried.trim().replace(/^tempost-backup: /, '');
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

/** It ends with 1, and for this reason. */
async function expectFails(barman: Barman, why: string, ...args: readonly string[]): Promise<void> {
  const { code, said } = await barman.run(...args);
  expect(code === 1 && said.includes(why), `${args[0]} has to end with 1 and "${why}": ${code} ${said}`);
}

/** An empty server of the same name, as on a new machine: neither its backup nor its log comes into the archive. */
async function expectAnotherRefused(
  folder: string,
  barman: Barman,
  mine: RunningPostgres,
  servers: RunningPostgres[],
): Promise<void> {
  const home = join(folder, 'another');
  const settings = { archive_mode: 'on', archive_command: barman.archiveCommand };
  const another = await startPostgres({ home, port: await freePort(), settings });
  servers.push(another);
  barman.serve(another.url);
  await expectFails(barman, 'the archive of another PostgreSQL', 'make');
  await query(another, 'create table written (n int)');
  await query(another, 'select pg_switch_wal()');
  await until(another, '(select failed_count from pg_stat_archiver) > 0');
  await barman.must('check');
  const text = readFileSync(join(barman.metricsFolder, 'tempost_backup_archive.prom'), 'utf8');
  expect(/^tempost_backup_waiting_segments [1-9]/m.test(text), `nothing waits: ${text}`);
  const [taken] = await query<{ count: string }>(another, 'select archived_count as count from pg_stat_archiver');
  expect(taken!.count === '0', `the archive took ${taken!.count} segments of another server`);
  await another.stop();
  removePostgresHome(home);
  barman.serve(mine.url);
  await barman.must('check');
}

/** A new leader, which goes on by a timeline of its own, makes a base backup, and one alone. */
async function expectPromoted(barman: Barman, former: RunningPostgres, start: () => Promise<RunningPostgres>) {
  const [found] = await query<{ folder: string }>(former, `select current_setting('data_directory') as folder`);
  const count = async () => (await barman.must('list')).match(/^\d{8}T\d{6} /gm)?.length;
  await barman.must('make', 'promoted');
  expect((await count()) === 1, 'a leader that has a base backup makes another');
  await former.stop();
  barman.asUser('touch', join(found!.folder, 'recovery.signal'));
  const leader = await start();
  // It takes questions before it takes writes.
  await until(leader, 'not pg_is_in_recovery()');
  for (let time = 0; time < 2; time++) {
    await barman.must('make', 'promoted');
    expect((await count()) === 2, `a new leader has to make one base backup; there are ${await count()} in all`);
  }
  return leader;
}

/** A try that is ended by SIGTERM leaves nothing of the mail, nor does one before it that was killed. */
async function expectTryEnded(folder: string, barman: Barman): Promise<void> {
  const scratch = join(folder, 'scratch');
  const left = () => readdirSync(scratch).filter((name) => name.startsWith('tempost-try-'));
  barman.asUser('mkdir', join(scratch, 'tempost-try-killed'));
  const trying = barman.begin('try');
  const giveUpAt = Date.now() + PATIENCE_MS;
  const isRestored = () => left().some((name) => readdirSync(join(scratch, name)).includes('log'));
  while (!isRestored() && trying.exitCode === null && Date.now() < giveUpAt) await delay(50);
  expect(isRestored(), 'the try did not come to start what it restored');
  expect(!left().includes('tempost-try-killed'), 'what an earlier try left is still there');
  const ended = once(trying, 'exit');
  trying.kill('SIGTERM');
  await ended;
  expect(left().length === 0, `a try that was ended leaves ${left()}`);
}

/** A metric that Prometheus is to read is there, and of this check. */
function expectRecent({ metricsFolder }: Barman, name: string, begunMs: number): void {
  const text = readdirSync(metricsFolder).map((file) => readFileSync(join(metricsFolder, file), 'utf8'));
  const value = new RegExp(`^tempost_backup_${name}_timestamp_seconds (\\d+)$`, 'm').exec(text.join(''))?.[1];
  const ms = Number(value) * 1000;
  expect(ms >= begunMs - 1_000 && ms <= Date.now() + 1_000, `${name}: ${value}`);
}

/** To a moment: what was done before it is there, what was done after it is not. */
async function expectRestored(folder: string, barman: Barman, point: string, { url }: RunningPostgres): Promise<void> {
  const data = join(folder, 'scratch', 'restored');
  await barman.must('restore', data, point);
  await expectFails(barman, 'is not empty', 'restore', data);
  const restored = new URL(url);
  restored.port = String(await freePort());
  const given = `-c listen_addresses=127.0.0.1 -c port=${restored.port} -c unix_socket_directories=`;
  const patienceS = String(PATIENCE_MS / 1000);
  barman.postgres('pg_ctl', 'start', '-s', '-w', '-t', patienceS, '-D', data, '-l', `${data}.log`, '-o', given);
  try {
    await until({ url: restored.href }, 'not pg_is_in_recovery()');
    const asked = 'select count(*)::int as rows, min(n) as first from kept';
    const [found] = await query<{ rows: number; first: number }>({ url: restored.href }, asked);
    expect(found!.rows === 20_001 && found!.first === 0, `restored to a moment it has ${JSON.stringify(found)}`);
  } finally {
    barman.postgres('pg_ctl', 'stop', '-s', '-m', 'immediate', '-D', data);
  }
}

/** A page of an index, which no query of a dump reads, is not as it was written. */
async function damageIndex(server: RunningPostgres): Promise<void> {
  const asked = `select pg_relation_filepath('kept_text_idx') as path, current_setting('data_directory') as folder`;
  const [found] = await query<{ path: string; folder: string }>(server, asked);
  await server.stop();
  const file = openSync(join(found!.folder, found!.path), 'r+');
  writeSync(file, 'damaged', 8192 + 4000);
  closeSync(file);
}

async function archived(server: RunningPostgres): Promise<void> {
  const [segment] = await query<{ name: string }>(server, 'select pg_walfile_name(pg_switch_wal()) as name');
  await until(server, `(select last_archived_wal from pg_stat_archiver) >= '${segment!.name}'`);
}

async function until(server: Pick<RunningPostgres, 'url'>, condition: string): Promise<void> {
  for (const giveUpAt = Date.now() + PATIENCE_MS; Date.now() < giveUpAt; await delay(200)) {
    const [row] = await query<{ holds: boolean }>(server, `select ${condition} as holds`);
    if (row!.holds) return;
  }
  throw new Error(`waited in vain for ${condition}`);
}

async function query<T>({ url }: Pick<RunningPostgres, 'url'>, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

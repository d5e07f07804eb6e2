// deploy/barman at work: a server whose log goes to a bucket, a base backup, a restore that is tried, one to a moment.
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
  const settings = { archive_mode: 'on', archive_command: barman.archiveCommand };
  const start = async () => {
    const server = await startPostgres({ home, port: await freePort(), settings });
    servers.push(server);
    barman.serve(server.url);
    return server;
  };
  const server = await start();
  expect((await barman.run('check')).code === 1, 'no base backup, and the check says that all is well');
  await query(server, 'create table kept as select n, md5(n::text) as text from generate_series(1, 20000) n');
  await barman.must('make');
  await query(server, 'insert into kept values (0, null)');
  const clock = `to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
  const [now] = await query<{ point: string }>(server, `select ${clock} as point`);
  await query(server, 'create index on kept (text); delete from kept where n > 10');
  await archived(server);
  const tried = await barman.must('try');
  for (const name of ['base', 'archived', 'tried', 'tried_to']) expectRecent(barman, name, begunMs);
  await expectRestored(folder, barman, now!.point, server);
  await damageIndex(server);
  const damaged = await start();
  await barman.must('make');
  await archived(damaged);
  expect((await barman.run('try')).code === 1, 'a page is damaged, and the try has not noticed');
  await barman.stop();
  const asked = await barman.run('fetch', '0000000100000000000000FE', join(folder, 'scratch', 'segment'));
  expect(asked.code > 125, `a bucket that is away ends a replay: ${asked.code}`);
  return tried.trim().replace(/^tempost-backup: /, '');
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
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
  expect((await barman.run('restore', data)).code === 1, 'it restores over what is there');
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

import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { patient } from '../../../test/support/patience.js';
import { freePort } from '../ports.js';
import { processStartTime } from '../processes/process.js';
import { PortTakenError, type RunningPostgres, removePostgresHome, startPostgres } from './server.js';
import { endWhenStuck } from './watch.js';

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tempost-postgres-'));
  cleanUp.push(() => removePostgresHome(folder));
  return folder;
}

async function start(home: string, port?: number): Promise<RunningPostgres> {
  const server = await startPostgres({ home, port: port ?? (await freePort()) });
  cleanUp.push(server.stop);
  return server;
}

async function query<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

it('keeps what was committed over a kill -9 and starts again on the same port', async () => {
  const home = temporaryFolder();
  const first = await start(home);
  await query(first.url, `create table kept as select 'yes' as answer`);
  process.kill(first.pid, 'SIGKILL');
  await first.exited;

  const second = await start(home, Number(new URL(first.url).port));
  expect(second.url).toBe(first.url);
  expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 'yes' }]);
});

it('commits durably, in UTF-8, whatever the locale of whoever starts it', async () => {
  const before = process.env.LC_ALL;
  process.env.LC_ALL = 'C';
  cleanUp.push(() => {
    if (before === undefined) delete process.env.LC_ALL;
    else process.env.LC_ALL = before;
  });
  const { url } = await start(temporaryFolder());
  const settings = await query(
    url,
    `select current_setting('server_encoding') encoding, current_setting('fsync') fsync,
       current_setting('synchronous_commit') synchronous_commit, upper('grüße') upper`,
  );
  // GRÜßE: by the rules of C.UTF-8; an ASCII database would have left the ü alone.
  expect(settings).toEqual([{ encoding: 'UTF8', fsync: 'on', synchronous_commit: 'on', upper: 'GRÜßE' }]);
});

it('never talks to a server of someone else on its port', async () => {
  const stranger = await start(temporaryFolder());
  const port = Number(new URL(stranger.url).port);
  await expect(startPostgres({ home: temporaryFolder(), port })).rejects.toThrow(PortTakenError);
  expect(await query(stranger.url, 'select 1 as alive')).toEqual([{ alive: 1 }]);
});

it('lets nobody in without the password, and shows the password to nobody', async () => {
  const { url, home } = await start(temporaryFolder());
  const guess = new URL(url);
  guess.password = 'guess';
  await expect(query(guess.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  expect(statSync(join(home, 'password')).mode & 0o077).toBe(0);
});

it('is gone when it has been stopped', async () => {
  const server = await start(temporaryFolder());
  await server.stop();
  expect(processStartTime(server.pid)).toBeUndefined();
  await expect(query(server.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

// As an ordinary user nothing special happens; as root PostgreSQL must run as someone else, who cannot pass here.
it('runs in a folder closed to all others, and leaves nothing when it is removed', async () => {
  const closed = mkdtempSync(join(tmpdir(), 'tempost-closed-')); // mode 700
  cleanUp.push(() => rmSync(closed, { recursive: true, force: true }));
  const home = join(closed, 'postgres');
  const server = await start(home);
  await query(server.url, 'create table kept (id int)');
  await server.stop();
  const again = await start(home);
  expect(again.home).toBe(server.home);
  expect(await query(again.url, 'select * from kept')).toEqual([]);
  await again.stop();
  removePostgresHome(home);
  expect([existsSync(again.home), existsSync(home)]).toEqual([false, false]);
});

it('says in one sentence what the end of its log was when it does not start', async () => {
  const home = temporaryFolder();
  const server = await start(home);
  await server.stop();
  rmSync(join(server.home, 'data', 'global'), { recursive: true });
  await expect(startPostgres({ home, port: await freePort() })).rejects.toThrow(/did not start[\s\S]*global/);
});

it('does not stop at the terminal signals of whoever started it: it has a process group of its own', async () => {
  const server = await start(temporaryFolder());
  expect(() => process.kill(-server.pid, 0)).not.toThrow(); // There is such a group.
});

describe('a server that does not end', { timeout: patient(60_000) }, () => {
  it('is asked ever harder, in bounded times, and each step is said', async () => {
    const said: string[] = [];
    const server = await startPostgres({
      home: temporaryFolder(),
      port: await freePort(),
      say: (sentence) => said.push(sentence),
      stopSteps: [
        { signal: 'SIGINT', waitMs: 300 },
        { signal: 'SIGQUIT', waitMs: 300 },
      ],
    });
    // Frozen, it hears nothing.
    process.kill(server.pid, 'SIGSTOP');
    await server.stop();
    expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(said).toEqual([
      'has not ended within 0.3 s of SIGINT; ending it with SIGQUIT',
      'has not ended within 0.3 s of SIGQUIT; ending it with SIGKILL',
    ]);
  });

  it('because sessions stay open is noticed, and ended in order', async () => {
    const server = await start(temporaryFolder());
    const said: string[] = [];
    const session = new pg.Client({ connectionString: server.url });
    session.on('error', () => {});
    await session.connect();
    endWhenStuck(server, (sentence) => said.push(sentence), 100);
    // What `kill PID` does: it refuses new sessions, and waits for this one.
    process.kill(server.pid, 'SIGTERM');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(said).toEqual([expect.stringContaining('is shutting down')]);
  });

  it('is not what a server is that runs', async () => {
    const server = await start(temporaryFolder());
    const said: string[] = [];
    endWhenStuck(server, (sentence) => said.push(sentence), 20);
    for (let times = 0; times < 20; times++) await query(server.url, 'select 1');
    expect(said).toEqual([]);
    expect(processStartTime(server.pid)).toBeDefined();
  });
});

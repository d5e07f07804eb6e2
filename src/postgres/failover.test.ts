import { existsSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { patient } from '../../test/support/patience.js';
import { freePort } from '../../test/support/ports.js';
import { processesOf, type Replicated, startReplicated } from '../../test/support/standby.js';
import { until } from '../../test/support/until.js';
import { type Db, openDatabase } from './database.js';
import { assertDurable } from './durability.js';
import { transact } from './transaction.js';

const logger = { warn: () => {} };
const open: Db[] = [];
const database = (url: string, options: { poolSize?: number; silenceMs?: number } = {}) => {
  const db = openDatabase({ url, poolSize: 2, name: 'failover', logger, ...options });
  open.push(db);
  return db;
};
afterEach(async () => {
  for (const db of open.splice(0)) await db.destroy();
});

/** Runs one statement as the superuser, on a connection of its own. */
async function tell(url: string, statement: string, ...more: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query(statement);
    for (const next of more) await client.query(next);
    return rows;
  } finally {
    await client.end();
  }
}

const setting = (url: string, assignment: string) =>
  tell(url, `alter system ${assignment}`, 'select pg_reload_conf()').then(() => undefined);
const show = async (db: Db, name: string) =>
  (await sql<{ value: string }>`select current_setting(${name}) as value`.execute(db)).rows[0]?.value;

describe('a connection and the server it leads to', () => {
  let servers: Replicated;
  beforeAll(async () => {
    servers = await startReplicated();
  });
  afterAll(() => servers.drop());

  it('a standby is refused at the log-in, at no cost of a statement', async () => {
    await expect(sql`select 1`.execute(database(servers.standby.url))).rejects.toMatchObject({ code: '25006' });
  });

  it('a server made read-only is left by connections at rest and at work, and taken again when it writes', async () => {
    const db = database(servers.leader.url);
    await sql`create table if not exists t (n int)`.execute(db);
    const busy = sql`select pg_sleep(1)`.execute(db).catch((error) => error);
    await sql`insert into t values (1)`.execute(db);
    await setting(servers.leader.url, 'set default_transaction_read_only = on');
    await until('the server refuses writes', async () => {
      const error = await sql`insert into t values (2)`.execute(db).catch((error) => error);
      return error.code === '25006';
    });
    await busy;
    const admin = new pg.Client({
      connectionString: servers.leader.url,
      options: '-c default_transaction_read_only=off',
    });
    await admin.connect();
    await admin.query('alter system reset default_transaction_read_only');
    await admin.query('select pg_reload_conf()');
    await admin.end();
    await until('writes are taken again', () =>
      sql`insert into t values (3)`.execute(db).then(
        () => true,
        () => false,
      ),
    );
    // A write that came before the setting did was taken.
    const kept = await sql<{ n: number }>`select n from t where n <> 2 order by n`.execute(db);
    expect(kept.rows).toEqual([{ n: 1 }, { n: 3 }]);
  });

  it('one refused write is enough: its connection is not given to anybody again', async () => {
    const db = database(servers.leader.url, { poolSize: 1 });
    const pid = async () => (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)).rows[0]?.pid;
    const before = await pid();
    expect(await pid()).toBe(before);
    const refused = transact(db, async (trx) => {
      await sql`set transaction read only`.execute(trx);
      await sql`create table never (n int)`.execute(trx);
    });
    await expect(refused).rejects.toMatchObject({ code: '25006' });
    expect(await pid()).not.toBe(before);
  });

  it('who says nothing for too long is given up, and so is what waited behind it', async () => {
    const db = database(servers.leader.url, { poolSize: 1, silenceMs: 300 });
    await sql`select 1`.execute(db);
    const answers = await Promise.allSettled([sql`select pg_sleep(2)`.execute(db), sql`select 1`.execute(db)]);
    expect(answers[0]!.status).toBe('rejected');
    // Another connection answers.
    expect(answers[1]!.status).toBe('fulfilled');
  });

  it('an index that is built beside traffic may take its time', async () => {
    const db = database(servers.leader.url, { poolSize: 1, silenceMs: 300 });
    await tell(
      servers.leader.url,
      'create table if not exists slow (n int)',
      'insert into slow select generate_series(1, 100)',
    );
    await tell(
      servers.leader.url,
      `create or replace function slowly(n int) returns int language plpgsql immutable as
        $$ begin perform pg_sleep(0.01); return n; end $$`,
    );
    await sql`create index concurrently on slow (slowly(n))`.execute(db);
  });
});

describe('start-up', () => {
  let servers: Replicated;
  beforeAll(async () => {
    servers = await startReplicated();
  });
  afterAll(() => servers.drop());
  const streaming = () =>
    until('the standby streams', async () => {
      const rows = await tell(
        servers.leader.url,
        'select count(*) as n from pg_stat_replication where replay_lsn is not null',
      );
      return Number(rows[0]?.n) === 1;
    });

  it('refuses a standby', async () => {
    await expect(assertDurable(database(servers.standby.url))).rejects.toMatchObject({ code: '25006' });
  });

  it('refuses a leader whose standby may lack what was confirmed, and says what to do', async () => {
    await streaming();
    const db = database(servers.leader.url);
    await expect(assertDurable(db)).rejects.toThrow(/synchronous_standby_names is empty.*ASYNC_REPLICATION=allow/);
    await assertDurable(db, 'allow');
  });

  it('takes one whose commits wait for a standby, unless they are told not to wait', async () => {
    await streaming();
    await setting(servers.leader.url, `set synchronous_standby_names = 'ANY 1 (standby_1)'`);
    await until(
      'the standby streams',
      async () => (await show(database(servers.leader.url), 'synchronous_standby_names')) !== '',
    );
    await assertDurable(database(servers.leader.url));
    await setting(servers.leader.url, 'set synchronous_commit = local');
    await until(
      'commits wait for the standby',
      async () => (await show(database(servers.leader.url), 'synchronous_commit')) === 'local',
    );
    await expect(assertDurable(database(servers.leader.url))).rejects.toThrow(/synchronous_commit is local/);
    await setting(servers.leader.url, 'reset synchronous_commit');
    await setting(servers.leader.url, 'reset synchronous_standby_names');
    await until(
      'commits do not wait',
      async () => (await show(database(servers.leader.url), 'synchronous_standby_names')) === '',
    );
  });

  it('sees an asynchronous standby also as a role that may not see statistics of others', async () => {
    await streaming();
    await tell(servers.leader.url, `create role plain login password 'plain'`);
    const url = new URL(servers.leader.url);
    url.username = 'plain';
    url.password = 'plain';
    await expect(assertDurable(database(url.href))).rejects.toThrow(/replicates asynchronously/);
  });
});

/** What HAProxy is to us, without its wits: it leads where it is told, and ends nothing. */
async function startProxy(): Promise<{ port: number; lead(to: string): void; stop(): Promise<void> }> {
  let target = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    const other = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [socket, other],
      [other, socket],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
    }
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port,
    lead: (to) => {
      target = Number(new URL(to).port);
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('a failover', () => {
  it.runIf(existsSync('/proc/self/stat'))(
    'from a leader that freezes and wakes loses no commit that was confirmed, and the pool goes over by itself',
    async () => {
      const servers = await startReplicated();
      const proxy = await startProxy();
      const frozen: number[] = [];
      try {
        await tell(servers.leader.url, 'create table mail (n int primary key)');
        await setting(servers.leader.url, `set synchronous_standby_names = 'ANY 1 (standby_1)'`);
        proxy.lead(servers.leader.url);
        const url = new URL(servers.leader.url);
        url.port = String(proxy.port);
        const db = database(url.href, { silenceMs: patient(1_500) });
        await until('commits wait for the standby', async () => (await show(db, 'synchronous_standby_names')) !== '');

        const confirmed = new Set<number>();
        let n = 0;
        let stopped = false;
        const writer = async () => {
          while (!stopped) {
            const mine = ++n;
            await sql`insert into mail values (${mine})`.execute(db).then(
              () => confirmed.add(mine),
              () => new Promise((resolve) => setTimeout(resolve, 20)),
            );
          }
        };
        const writers = [writer(), writer()];
        await until('commits do not wait', () => confirmed.size > 200);

        frozen.push(...processesOf(servers.leader));
        for (const pid of frozen) process.kill(pid, 'SIGSTOP');
        await tell(servers.standby.url, 'select pg_promote(true, 60)');
        proxy.lead(servers.standby.url);
        const atFailover = confirmed.size;
        // The old leader wakes while connections of ours still lead to it.
        for (const pid of frozen.splice(0)) process.kill(pid, 'SIGCONT');
        await until('nothing is waited for', () => confirmed.size > atFailover + 200);
        stopped = true;
        await Promise.all(writers);

        const kept = await tell(servers.standby.url, 'select n from mail');
        const lost = [...confirmed].filter((value) => !kept.some((row) => row.n === value));
        expect(lost).toEqual([]);
      } finally {
        for (const pid of frozen) process.kill(pid, 'SIGCONT');
        for (const db of open.splice(0)) await db.destroy();
        await proxy.stop();
        await servers.drop();
      }
    },
    patient(120_000),
  );
});

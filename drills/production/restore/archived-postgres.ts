import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { type RunningPostgres, removePostgresHome, startPostgres } from '../../../src/dev/postgres/server.js';
import { signal } from '../../../src/dev/processes/process.js';
import { freePort } from '../../../test/support/ports.js';

const run = promisify(execFile);
const PATIENCE_MS = 120_000;

/** A PostgreSQL server whose log is archived as it is written, and which can be lost and restored to a point in time. */
export class ArchivedPostgres {
  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private server: RunningPostgres,
  ) {}

  static async start(): Promise<ArchivedPostgres> {
    const folder = mkdtempSync(join(tmpdir(), 'tempost-archived-'));
    chmodSync(folder, 0o755);
    const archive = join(folder, 'archive');
    mkdirSync(archive);
    // The server may run as another user.
    chmodSync(archive, 0o777);
    const port = await freePort();
    // Whole or not at all under its name, and on the disk before the server may remove its own.
    const archiveCommand = [
      `test ! -f ${archive}/%f`,
      `cp %p ${archive}/.%f`,
      `sync ${archive}/.%f`,
      `mv ${archive}/.%f ${archive}/%f`,
    ].join(' && ');
    const settings = { archive_mode: 'on', archive_command: archiveCommand, wal_level: 'replica' };
    const server = await startPostgres({ home: join(folder, 'postgres'), port, settings });
    return new ArchivedPostgres(folder, port, server);
  }

  get url(): string {
    return this.server.url;
  }

  private get data(): string {
    return join(this.server.home, 'data');
  }

  private get backup(): string {
    return join(this.server.home, 'backup');
  }

  /** A base backup, as PostgreSQL's documentation has it for tools of one's own. */
  async backUp(): Promise<void> {
    await this.withClient(async (client) => {
      await client.query(`select pg_backup_start('drill', true)`);
      await run('cp', ['-a', this.data, this.backup]);
      const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop()');
      for (const name of ['postmaster.pid', 'postmaster.opts']) rmSync(join(this.backup, name), { force: true });
      await run('find', [join(this.backup, 'pg_wal'), '-type', 'f', '-delete']);
      await this.place(join(this.backup, 'backup_label'), rows[0]!.labelfile);
    });
  }

  /** The moment, by the database's clock. */
  async now(): Promise<Date> {
    return this.withClient(async (client) => {
      const { rows } = await client.query<{ now: Date }>('select clock_timestamp() as now');
      return rows[0]!.now;
    });
  }

  /** Waits until everything that is committed now is in the archive. */
  async archived(): Promise<void> {
    await this.withClient(async (client) => {
      const { rows } = await client.query<{ name: string }>('select pg_walfile_name(pg_switch_wal()) as name');
      const wanted = rows[0]!.name;
      for (const giveUpAt = Date.now() + PATIENCE_MS; Date.now() < giveUpAt; await delay(100)) {
        const { rows: known } = await client.query<{ last: string | null }>(
          'select last_archived_wal as last from pg_stat_archiver',
        );
        if ((known[0]!.last ?? '') >= wanted) return;
      }
      throw new Error(`the log ${wanted} was not archived`);
    });
  }

  /** The server is killed, and its data are gone. */
  async lose(): Promise<void> {
    signal(this.server.pid, 'SIGKILL');
    await this.server.exited;
    renameSync(this.data, `${this.data}-lost`);
  }

  /** The base backup and the archived log up to a moment; resolves when the server takes writes again. */
  async restoreTo(moment: Date): Promise<void> {
    await run('cp', ['-a', this.backup, this.data]);
    await this.place(join(this.data, 'recovery.signal'), '');
    const settings = {
      archive_mode: 'off',
      restore_command: `cp ${join(this.folder, 'archive')}/%f %p`,
      // It takes no `T` and no `Z`.
      recovery_target_time: moment.toISOString().replace('T', ' ').replace('Z', '+00'),
      recovery_target_action: 'promote',
    };
    this.server = await startPostgres({ home: join(this.folder, 'postgres'), port: this.port, settings });
    for (const giveUpAt = Date.now() + PATIENCE_MS; Date.now() < giveUpAt; await delay(100)) {
      const isDone = await this.withClient(async (client) => {
        const { rows } = await client.query<{ done: boolean }>('select not pg_is_in_recovery() as done');
        return rows[0]!.done;
      });
      if (isDone) return;
    }
    throw new Error('the server did not come to the point of the restore');
  }

  async drop(): Promise<void> {
    await this.server.stop();
    removePostgresHome(join(this.folder, 'postgres'));
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Writes a file that belongs to whom the data belong to. */
  private async place(file: string, content: string): Promise<void> {
    await run('cp', ['-a', join(this.data, 'PG_VERSION'), file]);
    writeFileSync(file, content);
  }

  private async withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: this.url });
    client.on('error', () => {});
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

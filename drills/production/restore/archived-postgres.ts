import { chmodSync, chownSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type RunningPostgres, removePostgresHome, startPostgres } from '../../../src/dev/postgres/server.js';
import { signal } from '../../../src/dev/processes/process.js';
import { freePort } from '../../../test/support/ports.js';
import type { BackedUp, Backups } from './backups.js';

/** On a busy machine each segment of the log takes seconds to come from a bucket. */
const PATIENCE_MS = 10 * 60_000;

/** A PostgreSQL server whose log is archived as it is written, and which can be lost and restored to a point in time. */
export class ArchivedPostgres implements BackedUp {
  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly backups: Backups,
    private server: RunningPostgres,
  ) {}

  /**
   * @param keep makes what keeps its backups, in a folder of its own.
   * @throws CannotDrill when that takes what cannot be had.
   */
  static async start(keep: (folder: string) => Backups | Promise<Backups>): Promise<ArchivedPostgres> {
    const folder = mkdtempSync(join(tmpdir(), 'tempost-archived-'));
    chmodSync(folder, 0o755);
    let backups: Backups | undefined;
    let server: RunningPostgres | undefined;
    try {
      backups = await keep(folder);
      const port = await freePort();
      const settings = { archive_mode: 'on', archive_command: backups.archiveCommand, wal_level: 'replica' };
      server = await startPostgres({ home: join(folder, 'postgres'), port, settings });
      backups.serves(server.url);
      return new ArchivedPostgres(folder, port, backups, server);
    } catch (error) {
      await server?.stop();
      await backups?.drop();
      removePostgresHome(join(folder, 'postgres'));
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get url(): string {
    return this.server.url;
  }

  get data(): string {
    return join(this.server.home, 'data');
  }

  /** A base backup. */
  async backUp(): Promise<void> {
    await this.backups.make(this);
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

  /** The server is killed, and its data are gone: their folder is empty. */
  async lose(): Promise<void> {
    signal(this.server.pid, 'SIGKILL');
    await this.server.exited;
    const lost = `${this.data}-lost`;
    renameSync(this.data, lost);
    mkdirSync(this.data, { mode: 0o700 });
    const { uid, gid } = statSync(lost);
    chownSync(this.data, uid, gid);
  }

  /** The base backup and the archived log up to a moment; resolves when the server takes writes again. */
  async restoreTo(moment: Date): Promise<void> {
    const settings = { archive_mode: 'off', ...(await this.backups.restoreInto(this.data, moment)) };
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
    await this.backups.drop();
    removePostgresHome(join(this.folder, 'postgres'));
    rmSync(this.folder, { recursive: true, force: true });
  }

  async withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
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

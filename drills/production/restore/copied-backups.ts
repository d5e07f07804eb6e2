import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BackedUp, Backups } from './backups.js';

const run = promisify(execFile);

/** Copies on the same disk, as PostgreSQL's documentation has it for tools of one's own. */
export class CopiedBackups implements Backups {
  private readonly archive: string;
  private readonly base: string;

  constructor(folder: string) {
    this.archive = join(folder, 'archive');
    this.base = join(folder, 'base');
    for (const each of [this.archive, this.base]) {
      mkdirSync(each);
      // The server may run as another user.
      chmodSync(each, 0o777);
    }
  }

  /** Whole or not at all under its name, and on the disk before the server may remove its own. */
  get archiveCommand(): string {
    const { archive } = this;
    return [
      `test ! -f ${archive}/%f`,
      `cp %p ${archive}/.%f`,
      `sync ${archive}/.%f`,
      `mv ${archive}/.%f ${archive}/%f`,
    ].join(' && ');
  }

  serves(): void {}

  async make(server: BackedUp): Promise<void> {
    await server.withClient(async (client) => {
      await client.query(`select pg_backup_start('drill', true)`);
      await run('cp', ['-a', server.data, this.copy]);
      const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop()');
      for (const name of ['postmaster.pid', 'postmaster.opts']) rmSync(join(this.copy, name), { force: true });
      await run('find', [join(this.copy, 'pg_wal'), '-type', 'f', '-delete']);
      await place(join(this.copy, 'backup_label'), rows[0]!.labelfile, this.copy);
    });
  }

  async restoreInto(data: string, moment: Date): Promise<Readonly<Record<string, string>>> {
    await run('cp', ['-a', `${this.copy}/.`, data]);
    await place(join(data, 'recovery.signal'), '', data);
    return {
      restore_command: `cp ${this.archive}/%f %p`,
      // It takes no `T` and no `Z`.
      recovery_target_time: moment.toISOString().replace('T', ' ').replace('Z', '+00'),
      recovery_target_action: 'promote',
    };
  }

  async drop(): Promise<void> {}

  private get copy(): string {
    return join(this.base, 'data');
  }
}

/** Writes a file that belongs to whom the data belong to. */
async function place(file: string, content: string, data: string): Promise<void> {
  await run('cp', ['-a', join(data, 'PG_VERSION'), file]);
  writeFileSync(file, content);
}

import { chmodSync, mkdirSync } from 'node:fs';
import { Barman } from '../../../deploy/check/barman.js';
import { orCannot } from '../installs.js';
import type { Backups } from './backups.js';

/** `deploy/barman` as its README has it: base backups and the log are in a bucket. */
export class BucketBackups implements Backups {
  private constructor(private readonly barman: Barman) {}

  /**
   * @param folder for Barman, its programs and its settings.
   * @throws CannotDrill when one of the programs cannot be had.
   */
  static async start(folder: string): Promise<BucketBackups> {
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    return new BucketBackups(await orCannot(() => Barman.start(folder)));
  }

  get archiveCommand(): string {
    return this.barman.archiveCommand;
  }

  serves(url: string): void {
    this.barman.serve(url);
  }

  async make(): Promise<void> {
    await this.barman.must('make');
  }

  /** The script writes the settings into the data itself. */
  async restoreInto(data: string, moment: Date): Promise<Readonly<Record<string, string>>> {
    await this.barman.must('restore', data, moment.toISOString());
    return {};
  }

  async drop(): Promise<void> {
    await this.barman.stop();
  }
}

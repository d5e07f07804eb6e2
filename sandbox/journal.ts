import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';

/**
 * A file of JSON lines that is only ever appended to.
 *
 * Writes are synchronous: one line takes some 10 µs, is in the kernel when the call returns, and so outlives a SIGKILL
 * of this process. (A power cut is not what a sandbox has to survive.)
 */
export class Journal<Entry> {
  private constructor(
    private readonly path: string,
    private fd: number,
  ) {}

  /** Opens or creates the file and hands out what it holds; a line that a crash cut off is dropped. */
  static open<Entry>(path: string): { journal: Journal<Entry>; entries: Entry[] } {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    // Cut where it stands: a kill in the middle of writing it anew would lose all of it.
    if (whole.length !== text.length) truncateSync(path, Buffer.byteLength(whole));
    const entries = whole
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Entry);
    return { journal: new Journal<Entry>(path, openSync(path, 'a')), entries };
  }

  append(entry: Entry): void {
    writeSync(this.fd, `${JSON.stringify(entry)}\n`);
  }

  /** Replaces everything by these entries; the new file is written beside the old one and swapped in whole. */
  rewrite(entries: readonly Entry[]): void {
    const fresh = `${this.path}.new`;
    writeFileSync(fresh, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    renameSync(fresh, this.path);
    closeSync(this.fd);
    this.fd = openSync(this.path, 'a');
  }

  /** Empties the file in place, so that whoever follows it keeps following. */
  clear(): void {
    ftruncateSync(this.fd, 0);
  }

  close(): void {
    closeSync(this.fd);
    // The number may soon be another file's: a late write has to fail.
    this.fd = -1;
  }
}

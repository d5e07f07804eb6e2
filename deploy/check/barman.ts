import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ServerUser, serverUser } from '../../src/dev/postgres/binaries.js';
import { type FakeGcs, startFakeGcs } from '../../test/support/servers/fake-gcs.js';
import { ask, must, root, Skipped } from './run.js';
import { pythonPackage } from './tools.js';

/** PostgreSQL with all its tools; the embedded one of `npm start` has none but its server. */
export const POSTGRES_WITH_TOOLS = 'embedded-postgres==18.6.3';
const REQUIREMENTS = join(root, 'deploy', 'barman', 'requirements.txt');
const PROGRAMS = ['backup', 'backup-list', 'backup-delete', 'restore', 'wal-archive', 'wal-restore'];
const BUCKET = 'backups';
const PATIENCE_MS = 20 * 60_000;

/** What a command has come to. */
export interface Ended {
  readonly code: number;
  readonly said: string;
}

/** `deploy/barman` at work: its script and its settings with Barman, and a bucket of its own. */
export class Barman {
  private constructor(
    private readonly folder: string,
    private readonly user: ServerUser | undefined,
    private readonly bucket: FakeGcs,
  ) {}

  /**
   * @param folder that the server's user may read; everything is put there, and who made it removes it.
   * @throws Skipped when one of the programs cannot be had here.
   */
  static async start(folder: string): Promise<Barman> {
    const { barman, postgres } = installBarman();
    const user = serverUser(join(folder, 'none'));
    for (const [name, from] of Object.entries({ python: barman, postgres }))
      cpSync(from, join(folder, name), { recursive: true, verbatimSymlinks: true });
    for (const name of ['tempost-backup', 'tempost_barman.py'])
      copyFileSync(join(root, 'deploy', 'barman', name), join(folder, name));
    // A cache of root's may be closed to others.
    must('chmod', ['-R', 'a+rX', folder]);
    writePrograms(folder, pythonOf(user, join(folder, 'python')));
    for (const name of ['scratch', 'metrics']) {
      mkdirSync(join(folder, name));
      if (user) chownSync(join(folder, name), user.uid, user.gid);
    }
    const bucket = await startFakeGcs();
    await bucket.createBucket(BUCKET);
    const started = new Barman(folder, user, bucket);
    started.configure({});
    return started;
  }

  get archiveCommand(): string {
    return `env TEMPOST_BACKUP_SETTINGS=${this.settingsFile} ${this.script} archive %p`;
  }

  get metricsFolder(): string {
    return join(this.folder, 'metrics');
  }

  /** From now on it is this server, as its superuser, that is backed up. */
  serve(url: string): void {
    const { hostname, port, username, password } = new URL(url);
    this.configure({ PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: password });
  }

  /** Runs `tempost-backup`, as the server's user. */
  async run(...args: readonly string[]): Promise<Ended> {
    const env = { PATH: process.env.PATH, TEMPOST_BACKUP_SETTINGS: this.settingsFile };
    const options = { env, cwd: this.folder, timeout: PATIENCE_MS, ...this.user };
    try {
      const { stdout, stderr } = await promisify(execFile)(this.script, args, options);
      return { code: 0, said: `${stdout}${stderr}` };
    } catch (error) {
      const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
      if (typeof code !== 'number') throw error;
      return { code, said: `${stdout}${stderr}` };
    }
  }

  /** The same, where it has to succeed. @throws Error with all it said. */
  async must(...args: readonly string[]): Promise<string> {
    const { code, said } = await this.run(...args);
    if (code !== 0) throw new Error(`tempost-backup ${args.join(' ')} ended with ${code}\n${said}`);
    return said;
  }

  /** Runs a program of PostgreSQL's, as the server's user. @throws Error with all it said. */
  postgres(program: string, ...args: readonly string[]): void {
    must(join(this.programs, program), args, { cwd: this.folder, stdio: 'ignore', ...this.user });
  }

  /** Runs another program as the server's user. @throws Error with all it said. */
  asUser(program: string, ...args: readonly string[]): void {
    must(program, args, { cwd: this.folder, ...this.user });
  }

  /** Begins `tempost-backup`, as the server's user, and does not wait for its end. */
  begin(...args: readonly string[]): ChildProcess {
    const env = { PATH: process.env.PATH, TEMPOST_BACKUP_SETTINGS: this.settingsFile };
    return spawn(this.script, args, { env, cwd: this.folder, stdio: 'ignore', ...this.user });
  }

  /** The bucket is gone: whoever asks it gets no answer. */
  async stop(): Promise<void> {
    await this.bucket.stop();
  }

  private get programs(): string {
    return join(this.folder, 'postgres', 'embedded_postgres', 'pginstall', 'bin');
  }

  private get script(): string {
    return join(this.folder, 'tempost-backup');
  }

  private get settingsFile(): string {
    return join(this.folder, 'backup.env');
  }

  /** The settings that the README has users fill in, filled in. */
  private configure(more: Readonly<Record<string, string>>): void {
    const settings: Record<string, string> = {
      BUCKET: `gs://${BUCKET}/tempost`,
      BACKUP_OPTIONS: '--gzip --jobs 2 --immediate-checkpoint',
      BARMAN_BIN: join(this.folder, 'bin'),
      PG_BIN: this.programs,
      SCRATCH: join(this.folder, 'scratch'),
      TRY_TIMEOUT_S: String(PATIENCE_MS / 1000),
      METRICS: this.metricsFolder,
      ...more,
    };
    const template = readFileSync(join(root, 'deploy', 'barman', 'backup.env'), 'utf8');
    const lines = template.split('\n').filter((line) => !(line.split('=')[0]! in settings));
    settings.PYTHONPATH = join(this.folder, 'python');
    settings.STORAGE_EMULATOR_HOST = this.bucket.url;
    lines.push(...Object.entries(settings).map(([name, value]) => `${name}=${value}`));
    writeFileSync(this.settingsFile, `${lines.join('\n')}\n`);
    chmodSync(this.settingsFile, 0o600);
    if (this.user) chownSync(this.settingsFile, this.user.uid, this.user.gid);
  }
}

/** Brings what it takes into the cache. @throws Skipped when it cannot be had. */
export function installBarman(): { readonly barman: string; readonly postgres: string } {
  return {
    barman: pythonPackage('barman==3.19.1', ['--no-deps', '--requirement', REQUIREMENTS]),
    postgres: pythonPackage(POSTGRES_WITH_TOOLS, ['--no-deps']),
  };
}

/** As pip would put them there, but for a Python that the user can run. */
function writePrograms(folder: string, python: string): void {
  mkdirSync(join(folder, 'bin'));
  for (const name of PROGRAMS) {
    const module = `barman.clients.cloud_${name.replace('wal-', 'wal').replaceAll('-', '_')}`;
    const program = join(folder, 'bin', `barman-cloud-${name}`);
    writeFileSync(program, `#!/bin/sh\nexec ${python} -m ${module} "$@"\n`, { mode: 0o755 });
  }
}

/** A Python that the user can run, and that can load what pip fetched for another one. */
function pythonOf(user: ServerUser | undefined, pythonPath: string): string {
  const said: string[] = [];
  for (const python of ['/usr/bin/python3', 'python3']) {
    const env = { PATH: process.env.PATH, PYTHONPATH: pythonPath };
    const script = 'import barman.clients.cloud_backup, google.cloud.storage';
    const { status, stderr } = ask(python, ['-c', script], { env, cwd: '/', ...user });
    if (status === 0) return python;
    said.push(stderr.trim());
  }
  throw new Skipped(`no Python here can run Barman as the server's user: ${said[0]}`);
}

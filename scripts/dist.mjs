// Whether dist/ is what its sources would give now. The build leaves a digest of them in it; contents are compared and
// not times, because a checkout, a copy and a container's layer all make times of their own.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const dist = join(root, 'dist');

/** Below dist/: the digest of the sources it was built from. */
export const DIGEST_FILE = 'sources.sha256';

const FOLDERS = ['src', 'client', 'console', 'sandbox', 'migrations', join('bench', 'processes')];
/** What else decides what a build gives; the lock file, because the workflow bundle holds parts of packages. */
const FILES = ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.client.json', 'package-lock.json'];
const SCRIPTS = ['build.mjs', 'build-console.mjs'].map((name) => join('scripts', name));

/** Everything that a build reads, relative to the project's folder, in a fixed order. */
export function listSources() {
  const inFolders = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /[.](tsx?|css|html)$/.test(name) && !name.endsWith('.test.ts'))
      .map((name) => join(folder, name)),
  );
  return [...inFolders, ...FILES, ...SCRIPTS].sort();
}

/** Takes some 20 ms. @param {string[]} paths relative to the project's folder */
export function digestSources(paths = listSources()) {
  const digest = createHash('sha256');
  for (const path of paths) {
    const content = readFileSync(join(root, path));
    digest.update(`${path.split(sep).join('/')} ${content.length}\n`).update(content);
  }
  return digest.digest('hex');
}

/** Whether dist/ is missing, or was built from other sources than those that are here. */
export function isStale() {
  try {
    return readFileSync(join(dist, DIGEST_FILE), 'utf8') !== digestSources();
  } catch {
    return true;
  }
}

/**
 * Builds dist/, unless it is up to date. What it says goes to stderr: stdout is the caller's.
 *
 * @returns {boolean} false when the build failed; the compiler has said why.
 */
export function buildIfStale() {
  if (!isStale()) return true;
  process.stderr.write('dist is not what its sources would give: building it\n');
  return build();
}

/** @returns {boolean} false when the build failed: then dist/ is what it was. */
export function build() {
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  return status === 0;
}

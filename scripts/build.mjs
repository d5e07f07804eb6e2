// Builds dist/: compiled JavaScript and, from it, the workflow bundle that every worker loads.
// Bundling takes about a second, so it is done once here and never at a worker's start.
// The new build is made beside the old one and swapped in whole: a running system never sees half of it.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import { buildConsole } from './build-console.mjs';
import { DIGEST_FILE, digestSources, dist, root } from './dist.mjs';

const fresh = join(root, `dist-${process.pid}`);
const stale = join(root, `dist-old-${process.pid}`);

// Before anything is read: what is saved while we build makes this build stale, as it should.
const digest = digestSources();

try {
  compile('tsconfig.build.json', fresh);
  // What others import has its types beside it; they are made with a browser's, and so it runs there.
  compile('tsconfig.client.json', join(fresh, 'client'));

  const quiet = { trace() {}, debug() {}, info() {}, log() {}, warn: console.warn, error: console.error };
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(fresh, 'src/workflows/index.js'),
    workflowInterceptorModules: [join(fresh, 'src/workflows/mark-resets.js')],
    preloadModules: [join(fresh, 'src/workflows/call-stacks.js')],
    logger: quiet,
  });
  writeFileSync(join(fresh, 'workflow-bundle.js'), code);

  await buildConsole(join(fresh, 'console'));

  chmodSync(join(fresh, 'src/cli/main.js'), 0o755);

  writeFileSync(join(fresh, DIGEST_FILE), digest);
  swapIn();
} finally {
  rmSync(fresh, { recursive: true, force: true });
  rmSync(stale, { recursive: true, force: true });
}

/** @param {string} project @param {string} outDir */
function compile(project, outDir) {
  const tsc = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', project, '--outDir', outDir],
    { cwd: root, stdio: 'inherit' },
  );
  // The folder that was begun is removed all the same.
  if (tsc.status !== 0) throw new Error(`${project} does not compile`);
}

/** Two builds may end at the same moment: the later one takes the earlier one's place. */
function swapIn() {
  for (;;) {
    try {
      if (existsSync(dist)) renameSync(dist, stale);
      renameSync(fresh, dist);
      return;
    } catch (error) {
      const { code = '' } = /** @type {NodeJS.ErrnoException} */ (error);
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(code) || !existsSync(fresh)) throw error;
      rmSync(stale, { recursive: true, force: true });
    }
  }
}

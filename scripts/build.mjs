// Builds dist/: compiled JavaScript and, from it, the workflow bundle that every worker loads.
// Bundling takes about a second, so it is done once here and never at a worker's start.
// The new build is made beside the old one and swapped in whole: a running system never sees half of it.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const fresh = join(root, `dist-${process.pid}`);
const stale = join(root, `dist-old-${process.pid}`);

try {
  const tsc = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', fresh],
    { cwd: root, stdio: 'inherit' },
  );
  if (tsc.status !== 0) process.exit(tsc.status ?? 1);

  const quiet = { trace() {}, debug() {}, info() {}, log() {}, warn: console.warn, error: console.error };
  const { code } = await bundleWorkflowCode({ workflowsPath: join(fresh, 'src/workflows/index.js'), logger: quiet });
  writeFileSync(join(fresh, 'workflow-bundle.js'), code);

  chmodSync(join(fresh, 'src/cli/main.js'), 0o755);

  if (existsSync(dist)) renameSync(dist, stale);
  renameSync(fresh, dist);
} finally {
  rmSync(fresh, { recursive: true, force: true });
  rmSync(stale, { recursive: true, force: true });
}

// Loaded with `node --import` before a single process. A machine in production may start many of them at once, and
// must not begin to compile because somebody has pulled: it is told, and runs what was built.
import { existsSync } from 'node:fs';
import { dist, isStale } from './dist.mjs';

if (!existsSync(dist)) {
  process.stderr.write('There is no dist yet: run "npm run build" first.\n');
  process.exit(1);
}
if (isStale())
  process.stderr.write('This runs an older build: dist is not what its sources would give; "npm run build".\n');

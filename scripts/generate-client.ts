// `npm run client:types` writes the types of `client/` anew; with `--check` it only says whether they are up to date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clientTypes } from './client-types.js';
import { root } from './dist.mjs';

const folder = join(root, 'client', 'generated');
const types = Object.entries(clientTypes());

if (process.argv.includes('--check')) {
  const stale = types.filter(([name, text]) => readFileSync(join(folder, name), 'utf8') !== text);
  if (stale.length > 0) {
    process.stdout.write('client/generated is not what the API’s description gives now: npm run client:types\n');
    process.exitCode = 1;
  }
} else {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of types) writeFileSync(join(folder, name), text);
}

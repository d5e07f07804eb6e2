// `npm run cli:docs`: writes `docs/cli.md` anew.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cliDocs } from './cli-docs.js';
import { root } from './dist.mjs';

writeFileSync(join(root, 'docs', 'cli.md'), cliDocs());

// Everything that can be said of a change without running it: `npm run check`, or `npm run check -- NAME ...`.
// Starts no server. Goes on after a fault, so that one run tells all of them.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { checkConsoleImports } from './console-imports.mjs';
import { buildIfStale, root } from './dist.mjs';
import { checkSizes } from './sizes.mjs';

const CHECKS = {
  types: () => typesOf('tsconfig.json') && typesOf('console/tsconfig.json') && typesOfClient(),
  lint: () => node('@biomejs/biome/bin/biome', 'check', '.'),
  imports: () => checkConsoleImports() && importsOfSources() && importsOfBuild(),
  sizes: checkSizes,
  docs: checkDocs,
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in CHECKS));
if (unknown.length > 0) {
  process.stderr.write(`check: no check ${unknown.join(', ')}; there are ${Object.keys(CHECKS).join(', ')}\n`);
  process.exit(2);
}

const failed = [];
for (const [name, check] of Object.entries(CHECKS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  process.stdout.write(`\n== ${name}\n`);
  if (!(await check())) failed.push(name);
}
process.stdout.write(failed.length > 0 ? `\nFailed: ${failed.join(', ')}\n` : '\nAll checks passed.\n');
process.exit(failed.length > 0 ? 1 : 0);

/**
 * Runs a package's command.
 *
 * @param {string} command below node_modules
 * @param {string[]} args
 * @returns whether it succeeded
 */
function node(command, ...args) {
  const path = join(root, 'node_modules', command);
  return spawnSync(process.execPath, [path, ...args], { cwd: root, stdio: 'inherit' }).status === 0;
}

/** @param {string} project */
function typesOf(project) {
  return node('typescript/bin/tsc', '--noEmit', '-p', project);
}

/** The client's types are what the API's description gives now. */
function typesOfClient() {
  const args = ['--import', 'tsx', join(root, 'scripts', 'generate-client.ts'), '--check'];
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status === 0;
}

/** As written, imports of types included: no circles, and nobody below knows anybody above. */
function importsOfSources() {
  return depcruise('.dependency-cruiser.cjs', 'src', 'client', 'sandbox', 'migrations');
}

/** As built, where imports of types are gone: what may know another's types, but never run its code. */
function importsOfBuild() {
  return buildIfStale() && depcruise('.dependency-cruiser.built.cjs', 'dist/src', 'dist/sandbox', 'dist/migrations');
}

/** @param {string} config @param {string[]} folders */
function depcruise(config, ...folders) {
  return node('dependency-cruiser/bin/dependency-cruise.mjs', '--config', config, ...folders);
}

/** Links, names of commands, files and variables in the documentation; `.env.example` beside the configuration. */
async function checkDocs() {
  const { startVitest } = await import('vitest/node');
  const include = ['test/docs.test.ts', 'src/config.test.ts', 'sandbox/config.test.ts'];
  // Without the project's own configuration, which starts servers for all other tests.
  const vitest = await startVitest('test', [], { root, config: false, watch: false, include });
  await vitest.close();
  return vitest.state.getCountOfFailedTests() === 0 && vitest.state.getFiles().length === include.length;
}

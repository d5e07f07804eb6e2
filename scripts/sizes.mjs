// What keeps files, functions and folders small enough to be read: part of `npm run check`.
// Functions are measured by biome's own rule; which files it leaves out is in `biome.json`, and has to be in the list here.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './dist.mjs';

const MAX = { fileLines: 300, functionLines: 60, folderFiles: 20 };

/** The only ones that may be larger, each with its reason. */
const EXCEPTIONS = {
  files: {
    'client/generated/operations.ts': 'made by `npm run client:types`, from what is small',
    'client/generated/schemas.ts': 'made by `npm run client:types`, from what is small',
  },
  functions: {
    '**/*.test.ts': 'a `describe` is a chapter of tests, not one function',
    'migrations/0001-record.ts': 'released: a migration that has run somewhere is never changed',
  },
  folders: {
    '.': 'each is where its tool, or a reader, looks for it',
    'docs/decisions': 'a numbered series, read by its list',
    migrations: 'a numbered series, run in order',
  },
};

const SOURCE = /\.(tsx?|mjs|cjs|js|css|html)$/;
const TEST = /\.test\.ts$/;

/** @returns faults, a sentence each; none when everything is as it should be. */
export function checkSizes() {
  const files = trackedFiles();
  if (files.length === 0) process.stdout.write('not in a git checkout: files and folders are not measured\n');
  const faults = [...fileFaults(files), ...folderFaults(files), ...functionFaults()];
  for (const fault of faults) process.stdout.write(`${fault}\n`);
  if (faults.length === 0) process.stdout.write(`${files.length} files measured\n`);
  return faults.length === 0;
}

/** What git knows or is about to know. An unpacked archive has no git: then nothing is held, and that is said. */
function trackedFiles() {
  const { stdout } = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  return (stdout ?? '').split('\n').filter((path) => path !== '' && existsSync(join(root, path)));
}

/** @param {string[]} files */
function fileFaults(files) {
  const linesOf = (/** @type {string} */ path) => readFileSync(join(root, path), 'utf8').trimEnd().split('\n').length;
  const sizes = new Map(files.filter((path) => SOURCE.test(path)).map((path) => [path, linesOf(path)]));
  return tooLarge(sizes, MAX.fileLines, EXCEPTIONS.files, 'lines');
}

/** Tests are beside what they test, and are not counted. @param {string[]} files */
function folderFaults(files) {
  const sizes = new Map();
  for (const path of files.filter((each) => !TEST.test(each))) {
    sizes.set(dirname(path), (sizes.get(dirname(path)) ?? 0) + 1);
  }
  return tooLarge(sizes, MAX.folderFiles, EXCEPTIONS.folders, 'files');
}

/** @param {Map<string, number>} sizes @param {number} max @param {Record<string, string>} exceptions @param {string} of */
function tooLarge(sizes, max, exceptions, of) {
  return [...sizes].flatMap(([path, size]) => {
    if (size > max && !(path in exceptions)) return `${path}: ${size} ${of}, at most ${max}: split it along its ideas`;
    return [];
  });
}

function functionFaults() {
  /** @type {{ linter: any, overrides: { includes: string[], linter: any }[] }} */
  const { linter, overrides } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
  const rule = 'noExcessiveLinesPerFunction';
  const { level, options } = linter.rules.complexity[rule];
  const left = overrides
    .filter((each) => each.linter.rules.complexity?.[rule] === 'off')
    .flatMap((each) => each.includes);
  const listed = Object.keys(EXCEPTIONS.functions);
  const isHeld = level === 'error' && options.maxLines === MAX.functionLines;
  if (isHeld && left.toSorted().join() === listed.toSorted().join()) return [];
  return [`biome.json: ${rule} has to hold ${MAX.functionLines} lines, but for ${listed.join(', ')}`];
}

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const here = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** One that passes, one that fails at first, one that always fails. */
const TESTS = `
  let tries = 0;
  describe('a sum', () => {
    it('is right', () => expect(1 + 1).toBe(2));
    it('is right the second time', () => expect(++tries).toBe(2));
    it('is wrong', () => expect(1 + 1).toBe(3));
  });`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tempost-repeats-'));
  writeFileSync(join(folder, 'sum.test.js'), TESTS);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs these tests by Vitest with the reporter of `npm test`. @returns what the reporter has written. */
async function repeatedWith(retry: number): Promise<string[]> {
  const file = join(folder, `repeated-${retry}.json`);
  writeFileSync(join(folder, 'vitest.config.mjs'), `export default { test: { globals: true, retry: ${retry} } };`);
  const args = [here('node_modules/vitest/vitest.mjs'), 'run', `--root=${folder}`];
  args.push(`--reporter=${here('scripts/repeats-reporter.mjs')}`);
  const env = { PATH: process.env.PATH, REPEATED_TESTS_FILE: file };
  await promisify(execFile)(process.execPath, args, { cwd: folder, env }).catch((error: { code: number }) => {
    // A test fails in every run.
    expect(error.code).toBe(1);
  });
  return JSON.parse(readFileSync(file, 'utf8'));
}

describe('the reporter of repeats', () => {
  it('names each test that ran more than once, whether it passed at last or not', async () => {
    expect(await repeatedWith(1)).toEqual([
      'sum.test.js: a sum > is right the second time',
      'sum.test.js: a sum > is wrong',
    ]);
  });

  it('names none where none is repeated', async () => {
    expect(await repeatedWith(0)).toEqual([]);
  });
});

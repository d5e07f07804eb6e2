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
  folder = mkdtempSync(join(tmpdir(), 'tempost-reporter-'));
  writeFileSync(join(folder, 'sum.test.js'), TESTS);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs these tests by Vitest with this reporter of `npm test` alone. @returns what it has said and written. */
async function runWith(retry: number): Promise<{ said: string; repeated: string[] }> {
  const file = join(folder, `repeated-${retry}.json`);
  writeFileSync(join(folder, 'vitest.config.mjs'), `export default { test: { globals: true, retry: ${retry} } };`);
  const args = [here('node_modules/vitest/vitest.mjs'), 'run', `--root=${folder}`];
  args.push(`--reporter=${here('scripts/run-reporter.mjs')}`);
  const env = { PATH: process.env.PATH, REPEATED_TESTS_FILE: file };
  const run = promisify(execFile)(process.execPath, args, { cwd: folder, env });
  // A test fails in every run.
  const failed = await run.then(
    () => expect.unreachable('all tests passed'),
    (error: { code: number; stderr: string }) => error,
  );
  expect(failed.code).toBe(1);
  return { said: failed.stderr, repeated: JSON.parse(readFileSync(file, 'utf8')) };
}

describe('the reporter of a whole run', () => {
  it('names each test that ran more than once, whether it passed at last or not', async () => {
    const { repeated } = await runWith(1);
    expect(repeated).toEqual(['sum.test.js: a sum > is right the second time', 'sum.test.js: a sum > is wrong']);
  });

  it('names none where none is repeated', async () => {
    expect((await runWith(0)).repeated).toEqual([]);
  });

  it('says of each test that failed why, and nothing of the others', async () => {
    const { said } = await runWith(1);
    expect(said.match(/^FAILED .*$/gm)).toEqual(['FAILED  sum.test.js: a sum > is wrong']);
    expect(said).toContain('expected 2 to be 3');
    expect(said).toMatch(/sum\.test\.js:\d+/);
  });
});

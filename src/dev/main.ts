import { type Config, ConfigError, loadConfig } from '../config.js';
import { Aftermath } from './aftermath.js';
import { consoleAddress } from './console-address.js';
import { formatLine, formatSentence, isWorthShowing } from './log-view.js';
import { childEnvironment, STOP_ORDER } from './plan.js';
import { isPortFree } from './ports.js';
import { keepPrivate } from './private-files.js';
import { reloadOnRequest } from './processes/reload.js';
import { Supervisor } from './processes/supervisor.js';
import { AlreadyRunningError, endOrphans, RunState } from './run-state.js';
import { loadEnvFile, loadSettings, portsOf, type Settings } from './settings.js';
import { startStack } from './stack.js';
import { banner, exampleCurl, writeSample } from './table.js';

/** Stands in where only the shape of the address matters, before there is a server. */
const SOME_DATABASE = 'postgres://tempost@127.0.0.1/tempost';

/** npm hands a terminal's Ctrl-C on to us, who had it already: the same wish, not a second one. */
const SAME_WISH_MS = 1_000;

/** How long the leftovers of a killed run have to end, one group after the other. */
const ORPHAN_GRACE_MS = 15_000;

const colours = process.stdout.isTTY === true && !process.env.NO_COLOR;
const columns = 'worker-critical'.length;
const print = (text: string) => process.stdout.write(`${text}\n`);
const say = (name: string, sentence: string) => print(formatSentence(name, sentence, columns, colours));

async function main(): Promise<void> {
  // A reader of our output that goes away (`| head`) is no reason to end everything.
  process.stdout.on('error', () => {});
  loadEnvFile();
  const settings = loadSettings(process.env);
  keepPrivate(settings.dataDir);
  const { state, orphans } = await RunState.acquire(settings.dataDir, () =>
    say('start', 'another run is just stopping; waiting for its end'),
  );
  const aftermath = new Aftermath(say);
  const supervisor = new Supervisor({
    onProcess: (name, pid) => state.record(name, pid),
    onHealth: (name, runs) => (runs ? aftermath.rose(name) : aftermath.fell(name)),
    say,
  });
  const { end, signal } = endOnSignals(supervisor, state);
  try {
    const config = loadConfig(childEnvironment(settings, SOME_DATABASE));
    if (orphans.length > 0) {
      say('start', `ending what a killed run left: ${orphans.map((orphan) => orphan.name).join(', ')}`);
      await endOrphans(orphans, STOP_ORDER, ORPHAN_GRACE_MS, say);
      for (const { name } of orphans) state.record(name, undefined);
    }
    await assertPortsFree(settings, config);
    signal.throwIfAborted();
    const started = await startStack({
      settings,
      supervisor,
      signal,
      say,
      onLine: (name, line) => {
        const show = () => print(formatLine(name, line, columns, colours));
        if (settings.env.LOG_LEVEL !== undefined) show();
        else if (isWorthShowing(line)) aftermath.pass(line, show);
      },
    });
    state.publish(started.addresses);
    reloadOnRequest({ ...started, restart: (names) => supervisor.restart(names), say });
    const curl = exampleCurl(started.addresses, writeSample(settings.dataDir));
    const folders = foldersOf(settings, started.postgresHome);
    const console = await consoleAddress(started.addresses);
    const { planned } = started;
    print(banner(started.addresses, { folders, pids: supervisor.pids(), planned, curl, console }));
    say('start', 'ready: e-mail is taken and sent');
  } catch (error) {
    if (signal.aborted) return; // The end is under way.
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    await end(1);
  }
}

/** Every busy port at once, each with the variable that chooses another one. */
async function assertPortsFree(settings: Settings, config: Config): Promise<void> {
  const faults: string[] = [];
  const seen = new Map<number, string>();
  for (const { variable, port, host, what } of portsOf(settings, config)) {
    const other = seen.get(port);
    if (other) faults.push(`${variable}: port ${port} is that of ${other}, too`);
    else if (!(await isPortFree(port, host))) {
      faults.push(`${variable}: port ${port}, for ${what}, is taken by another program; set ${variable} to a free one`);
    }
    seen.set(port, variable);
  }
  if (faults.length > 0) throw new ConfigError(faults);
}

function foldersOf(settings: Settings, postgresHome: string | undefined): [string, string][] {
  const outside = postgresHome && !postgresHome.startsWith(settings.dataDir);
  return [
    ['State', settings.dataDir],
    // As root in a closed folder: PostgreSQL runs as another user, who cannot reach it there.
    ...(outside ? [['PostgreSQL data', postgresHome] as [string, string]] : []),
  ];
}

/** Ctrl-C ends everything in order; a second one, at once. So does a terminal or an npm that goes away. */
function endOnSignals(supervisor: Supervisor, state: RunState) {
  const stopping = new AbortController();
  let wishedAt = 0;
  const end = async (code: number) => {
    if (stopping.signal.aborted) return;
    wishedAt = Date.now();
    stopping.abort();
    state.markStopping();
    await supervisor.stop(STOP_ORDER);
    state.release();
    say('stop', 'everything has ended; "npm start" continues where it was');
    process.exit(code);
  };
  const onSignal = (name: NodeJS.Signals) => {
    if (!stopping.signal.aborted) {
      say('stop', 'ending everything in order; Ctrl-C again ends it at once');
      void end(0);
    } else if (Date.now() - wishedAt > SAME_WISH_MS && name !== 'SIGHUP') {
      say('stop', 'ending everything at once');
      supervisor.kill();
      state.release();
      process.exit(130);
    }
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  endWithNpm(() => onSignal('SIGHUP'));
  return { end, signal: stopping.signal };
}

/** A killed `npm start` cannot tell us: we see that our parent is another one. */
function endWithNpm(onGone: () => void): void {
  if (!process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) onGone();
  }, 500).unref();
}

main().catch((error: unknown) => {
  const plain = error instanceof ConfigError || error instanceof AlreadyRunningError;
  process.stderr.write(`${plain ? error.message : ((error as Error).stack ?? String(error))}\n`);
  process.exit(1);
});

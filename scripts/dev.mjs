// `npm run dev`: the system of `npm start`, built and restarted whenever its sources change.
// Looks at every source twice a second (3 ms): what systems tell of changed files differs too much between them.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { build, buildIfStale, dist, listSources, root } from './dist.mjs';

const LOOK_EVERY_MS = 500;

/** What `npm start` itself runs on: after a change there everything is started anew, servers included. */
const OF_THE_START = [join('src', 'dev') + sep, join('src', 'config.ts'), '.env', 'package-lock.json'];

/** @typedef {Map<string, string>} Look what every file was at a moment */

/** @param {string} sentence */
const say = (sentence) => void process.stdout.write(`dev: ${sentence}\n`);

let ending = false;
/** @type {import('node:child_process').ChildProcess | undefined} */
let system;
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    ending = true;
    if (system === undefined) process.exit(0);
    // A terminal's Ctrl-C has reached it already.
    else if (signal !== 'SIGINT' || !process.stdin.isTTY) system.kill(signal);
  });
}
if (process.env.npm_lifecycle_event) {
  // An npm that was killed could not tell us.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && system?.kill('SIGHUP'), LOOK_EVERY_MS).unref();
}

let seen = look();
while (!buildIfStale()) {
  say('nothing runs yet; waiting for the next change');
  seen = await nextChange(seen);
}
system = start((code) => process.exit(code)); // A taken port, a second run: it has said what is to be done.
/** What dist/ was built from. */
let built = seen;
while (true) {
  seen = await nextChange(seen);
  if (!build()) {
    say('what runs goes on as it was; waiting for the next change');
    continue;
  }
  const changed = changes(built, seen);
  built = seen;
  // Nothing, when what could not be built has been taken back.
  if (changed.length > 0 || system === undefined) await apply(changed);
}

/** Has it run what was built. @param {string[]} changed */
async function apply(changed) {
  say(`changed: ${changed.slice(0, 5).join(', ')}${changed.length > 5 ? ` and ${changed.length - 5} more` : ''}`);
  const former = system;
  if (former && changed.some((path) => OF_THE_START.some((start) => path.startsWith(start)))) {
    say('the start itself has changed: starting everything anew');
    system = undefined;
    former.kill('SIGTERM');
    await once(former, 'exit');
  }
  if (ending) process.exit(0);
  if (system === undefined) {
    system = start((code) => say(`it has ended (exit ${code}); waiting for the next change`));
    return;
  }
  const folders = ['src', 'sandbox', 'migrations'].filter((name) =>
    changed.some((path) => path.startsWith(name + sep)),
  );
  if (folders.length === 0) return;
  const answered = Promise.race([once(system, 'message'), once(system, 'exit')]);
  // It may have ended while we were building, and its end not have been told to us yet: that comes next.
  system.send({ reload: folders }, () => {});
  await answered;
}

/** @param {(code: number) => void} onFailure told when it has ended, and nobody wanted that */
function start(onFailure) {
  const script = join(dist, 'src', 'dev', 'main.js');
  const child = fork(script, { cwd: root, execArgv: ['--enable-source-maps'], stdio: 'inherit' });
  child.on('exit', (code) => {
    if (child !== system) return;
    system = undefined;
    if (ending || code === 0) process.exit(code ?? 1);
    onFailure(code ?? 1);
  });
  return child;
}

/** Waits until something has changed, and nothing does any more. @param {Look} before */
async function nextChange(before) {
  for (let last = before; ; ) {
    await wait(LOOK_EVERY_MS);
    const now = look();
    if (changes(before, now).length > 0 && changes(last, now).length === 0) return now;
    last = now;
  }
}

/** @returns {Look} */
function look() {
  return new Map(
    [...listSources(), '.env'].flatMap((path) => {
      const stat = statSync(join(root, path), { throwIfNoEntry: false });
      return stat ? [[path, `${stat.mtimeMs} ${stat.size}`]] : [];
    }),
  );
}

/** The files that differ, come or gone ones too. @param {Look} before @param {Look} after */
function changes(before, after) {
  return [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path));
}

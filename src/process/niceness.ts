import { readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import type { Priority } from '../priority.js';
import { procStat } from './proc-stat.js';

/**
 * How far each process steps back from the others on its machine when cores are short: nice values. They only rise, so
 * that no privilege is needed, and cost nothing where there are cores to spare. Webhooks may lag; they share their
 * processes among all priorities, and a critical e-mail is handed over without them.
 *
 * Small on purpose. A process at 5 gets a third of what one at 0 gets, one at 15 gets a thirtieth: with 10 and 15, a
 * machine on which thirty other processes wanted to run left bulk e-mails and webhooks standing for ten minutes.
 */
export const NICENESS: Readonly<Record<Priority | 'webhooks', number>> = {
  critical: 0,
  medium: 3,
  low: 5,
  webhooks: 3,
};

const AUTOGROUP = '/proc/self/autogroup';
/**
 * Without privilege the kernel takes one change of an autogroup every 100 ms, over the whole machine, and refuses the
 * others with EAGAIN: processes that start together wait for one another, at random so that they do not meet again.
 */
const AGAIN_MS = 100;
const MAX_TRIES = 50;

/**
 * Steps back for the process's whole life. Whoever has started it lower still is not contradicted.
 *
 * On Linux a nice value counts only within a session while autogroups are on (`sched(7)`), and each process of ours is
 * started as a session of its own by `npm start` and by service managers: so its autogroup steps back with it, at once or
 * within seconds. One that shares its session, as when it was started by hand from a shell or through npm, leaves the
 * session's autogroup alone. Within containers neither reaches further than the
 * container: there a share of CPU is a matter of requests and weights.
 */
export function stepBack(niceness: number): void {
  if (niceness > getPriority()) setPriority(niceness);
  if (process.platform === 'linux' && leadsItsSession()) stepBackAsSession(niceness, MAX_TRIES);
}

function stepBackAsSession(niceness: number, tries: number): void {
  try {
    const nice = /nice (-?\d+)/.exec(readFileSync(AUTOGROUP, 'utf8'))?.[1];
    if (nice !== undefined && niceness > Number(nice)) writeFileSync(AUTOGROUP, String(niceness));
  } catch (error) {
    // Otherwise: a kernel without autogroups, or a /proc that is read only. Then the nice value is what there is.
    if ((error as { code?: string }).code !== 'EAGAIN' || tries === 0) return;
    setTimeout(() => stepBackAsSession(niceness, tries - 1), AGAIN_MS * (1 + Math.random())).unref();
  }
}

function leadsItsSession(): boolean {
  const session = procStat(process.pid)?.[3];
  return session === String(process.pid);
}

import { existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ask, must } from '../../../deploy/check/run.js';
import type { ServerUser } from '../../../src/dev/postgres/binaries.js';
import { startDetached } from '../../../src/dev/processes/process.js';

const IPTABLES = ['iptables', '-w'];
const GONE_WITHIN_MS = 10_000;

/** A machine of its own, as far as the network goes: a network namespace with one address, on a bridge with the others. */
export class Machine {
  private constructor(
    readonly name: string,
    readonly address: string,
    private readonly link: string,
    private readonly logs: string,
  ) {}

  static make(bridge: string, name: string, address: string, logs: string): Machine {
    const link = `${bridge}${name}`;
    const space = `${bridge}-${name}`;
    const machine = new Machine(space, address, link, logs);
    for (const command of [
      ['netns', 'add', space],
      ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space],
      ['link', 'set', link, 'master', bridge, 'up'],
      ['-n', space, 'addr', 'add', `${address}/24`, 'dev', 'eth0'],
      ['-n', space, 'link', 'set', 'eth0', 'up'],
      ['-n', space, 'link', 'set', 'lo', 'up'],
    ]) {
      must('ip', command);
    }
    return machine;
  }

  /** Starts a program in it, as another user. Its output goes to a log of that name. @returns its process id. */
  async start(
    log: string,
    user: ServerUser,
    command: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<number> {
    const file = openSync(join(this.logs, `${log}.log`), 'a');
    const { pid } = await startDetached({
      command: 'nsenter',
      args: [`--net=/run/netns/${this.name}`, '-G', String(user.gid), '-S', String(user.uid), '--', ...command],
      env,
      cwd: this.logs,
      stdout: file,
      stderr: file,
    });
    return pid;
  }

  /** Everything that runs in it. */
  pids(): number[] {
    return ask('ip', ['netns', 'pids', this.name])
      .stdout.split('\n')
      .filter((line) => line !== '')
      .map(Number);
  }

  /**
   * Drops what comes and goes between this machine and others, both ways and without a word; until `heal`.
   *
   * @param ports only this traffic, by the port at either end; `except`: all but this.
   */
  cutFrom(
    addresses: readonly string[],
    ports: { readonly only?: readonly number[]; readonly except?: readonly number[] } = {},
  ) {
    for (const address of addresses) {
      const rule = (...match: string[]) => {
        must('ip', ['netns', 'exec', this.name, ...IPTABLES, '-A', 'INPUT', '-s', address, ...match]);
        must('ip', ['netns', 'exec', this.name, ...IPTABLES, '-A', 'OUTPUT', '-d', address, ...match]);
      };
      const tcp = (port: number, target: string) => {
        for (const end of ['--dport', '--sport']) rule('-p', 'tcp', end, String(port), '-j', target);
      };
      for (const port of ports.except ?? []) tcp(port, 'ACCEPT');
      if (ports.only) for (const port of ports.only) tcp(port, 'DROP');
      else rule('-j', 'DROP');
    }
  }

  /** Pulls its cable. */
  unplug(): void {
    must('ip', ['link', 'set', this.link, 'down']);
  }

  /** Plugs it in, and cuts nothing. */
  heal(): void {
    must('ip', ['netns', 'exec', this.name, ...IPTABLES, '-F']);
    must('ip', ['link', 'set', this.link, 'up']);
  }

  /** Kills everything in it, and removes it. */
  async remove(): Promise<void> {
    const giveUpAt = Date.now() + GONE_WITHIN_MS;
    for (let pids = this.pids(); pids.length > 0 && Date.now() < giveUpAt; pids = this.pids()) {
      for (const pid of pids) killed(pid, 'SIGKILL');
      await delay(50);
    }
    // The kernel takes a namespace away when it likes; its end of the cable goes with ours at once.
    ask('ip', ['link', 'del', this.link]);
    if (existsSync(`/run/netns/${this.name}`)) must('ip', ['netns', 'del', this.name]);
  }
}

/** Signals a process that may be gone. */
export function killed(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A network of machines, and where we are in it. */
export interface Network {
  readonly bridge: string;
  /** Its addresses without their last number, as `10.213.7.`. */
  readonly prefix: string;
  /** The address of whatever is in no namespace: of us, and of what leads us to the machines. */
  readonly us: string;
  remove(): void;
}

/** Names and addresses differ from those of another run on this machine. */
export function makeNetwork(): Network {
  const bridge = `tp${process.pid}`;
  const prefix = `10.${213 + (Date.now() % 30)}.${process.pid % 250}.`;
  const us = `${prefix}254`;
  must('ip', ['link', 'add', bridge, 'type', 'bridge']);
  must('ip', ['addr', 'add', `${us}/24`, 'dev', bridge]);
  must('ip', ['link', 'set', bridge, 'up']);
  return { bridge, prefix, us, remove: () => void must('ip', ['link', 'del', bridge]) };
}

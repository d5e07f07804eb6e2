import { must } from '../../../deploy/check/run.js';
import type { Machine } from '../patroni/machines.js';
import type { DelayLine, Line } from './delay-line.js';

/** Whom a machine talks to: another one, or whatever is in no namespace. */
export interface Peer {
  readonly address: string;
  readonly mac: string;
}

/** One process and its machine, whose traffic with others can be broken one by one. */
export class Host implements Peer {
  readonly mac: string;

  private constructor(
    /** A process of the stack, `postgres` or `temporal`. */
    readonly name: string,
    private readonly machine: Machine,
    private readonly link: string,
  ) {
    this.mac = macOf('eth0', machine.name);
  }

  /** @param link our end of its second cable. */
  static make(name: string, machine: Machine, link: string): Host {
    const space = machine.name;
    must('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'detour', 'netns', space]);
    must('ip', ['link', 'set', link, 'up']);
    must('ip', ['-n', space, 'link', 'set', 'detour', 'up']);
    return new Host(name, machine, link);
  }

  get address(): string {
    return this.machine.address;
  }

  /** What a command begins with that is to run here. */
  get before(): readonly string[] {
    return ['nsenter', `--net=/run/netns/${this.machine.name}`, '--'];
  }

  /**
   * Has packets dropped without a word.
   *
   * @param share of them, above 0; 1: all.
   * @returns what ends that.
   */
  drop(peer: Peer, ways: readonly ('in' | 'out')[], share: number): () => void {
    const some = share === 1 ? [] : ['-m', 'statistic', '--mode', 'random', '--probability', String(share)];
    const rules = ways.map((way) => [
      ...(way === 'in' ? ['INPUT', '-s', peer.address] : ['OUTPUT', '-d', peer.address]),
      ...[...some, '-j', 'DROP'],
    ]);
    for (const rule of rules) this.iptables('-A', ...rule);
    return () => {
      for (const rule of rules) this.iptables('-D', ...rule);
    };
  }

  /** Leads what goes to a peer by the delay line; connections that are there go on by it. @returns what ends that. */
  detour(peer: Peer, delays: DelayLine, line: Line): () => void {
    const space = this.machine.name;
    delays.set(this.link, peer.address, line);
    must('ip', [
      '-n',
      space,
      'neigh',
      'replace',
      peer.address,
      'lladdr',
      peer.mac,
      'dev',
      'detour',
      'nud',
      'permanent',
    ]);
    const route = [`${peer.address}/32`, 'dev', 'detour', 'src', this.address];
    must('ip', ['-n', space, 'route', 'add', ...route]);
    return () => void must('ip', ['-n', space, 'route', 'del', ...route]);
  }

  /** Pulls its cable. @returns what plugs it in. */
  unplug(): () => void {
    this.machine.unplug();
    return () => this.machine.heal();
  }

  /**
   * Has what comes from other machines reach programs that listen on loopback alone; they are on a port of any number.
   */
  openLoopback(): void {
    this.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet');
    this.iptables(
      '-t',
      'nat',
      '-A',
      'PREROUTING',
      '-i',
      'eth0',
      '-p',
      'tcp',
      '-j',
      'DNAT',
      '--to-destination',
      '127.0.0.1',
    );
  }

  private iptables(...rule: string[]): void {
    this.run('iptables', '-w', ...rule);
  }

  private run(...inside: string[]): void {
    const [command, ...args] = [...this.before, ...inside];
    must(command!, args);
  }
}

/** @param space a network namespace; none: ours. */
export function macOf(device: string, space?: string): string {
  const shown = must('ip', [...(space ? ['-n', space] : []), '-j', 'link', 'show', 'dev', device]);
  return (JSON.parse(shown) as { address: string }[])[0]!.address;
}

import type { Stack } from '../../../test/support/stack.js';
import { OURS, type Site } from './site.js';
import { connectionsOf, memoryMib } from './sockets.js';

/**
 * How much more a process of ours may hold than before, in MiB and connections: what mail of one more minute may come
 * to. A pool keeps for ten minutes what it took in a busy moment.
 */
const MORE_MEMORY_MIB = 64;
const MORE_CONNECTIONS = 12;

/** What one process holds. */
interface Vitals {
  readonly pid: number;
  readonly memoryMib: number;
  readonly connections: number;
}

export type AllVitals = ReadonlyMap<string, Vitals>;

/** What all our processes, PostgreSQL and Temporal hold now. */
export function readVitals(stack: Stack, site: Site): AllVitals {
  const servers = ['postgres', 'temporal'] as const;
  const pids = [
    ...OURS.map((name) => [name, stack.pidOf(name)] as const),
    ...servers.map((name) => [name, site.pidOf(name)] as const),
  ];
  return new Map(
    pids.map(([name, pid]) => [name, { pid, memoryMib: memoryMib(pid), connections: connectionsOf(pid).length }]),
  );
}

/** What is not as it was, a sentence each. */
export function changes(before: AllVitals, after: AllVitals): string[] {
  return [...before].flatMap(([name, was]) => {
    const is = after.get(name)!;
    // Of PostgreSQL one process of many is looked at, and Temporal's dev server fills its caches as it likes.
    const isOurs = OURS.includes(name);
    return [
      ...(is.pid === was.pid ? [] : [`${name} has ended, and was started again`]),
      ...(isOurs && is.memoryMib > was.memoryMib + MORE_MEMORY_MIB
        ? [`${name} has ${is.memoryMib} MiB of memory, and had ${was.memoryMib}`]
        : []),
      // A server has those of all of ours, each of which is looked at; what nobody is at the other end of is half open.
      ...(isOurs && is.connections > was.connections + MORE_CONNECTIONS
        ? [`${name} has ${is.connections} connections, and had ${was.connections}`]
        : []),
    ];
  });
}

/** One line for people. */
export function summary(vitals: AllVitals): string {
  const each = [...vitals].map(([name, { memoryMib, connections }]) => `${name} ${memoryMib} MiB ${connections}`);
  const of = (what: 'memoryMib' | 'connections') => [...vitals.values()].reduce((sum, one) => sum + one[what], 0);
  return `${of('memoryMib')} MiB and ${of('connections')} connections (${each.join(', ')})`;
}

/**
 * Connections of which only one end knows. Such an end waits for nobody, and holds what it holds.
 *
 * @returns each as `who: local remote`.
 */
export function halfOpen(stack: Stack, site: Site): string[] {
  const { prefix } = site.network;
  const ends = new Map<string, string>();
  const add = (who: string, address: string, pid: number) => {
    for (const { local, remote } of connectionsOf(pid)) {
      // What the sandbox listens on is loopback, to which its machine leads.
      const here = local.replace(/^127\.0\.0\.1:/, `${address}:`);
      if (here.startsWith(prefix) && remote.startsWith(prefix)) ends.set(`${here} ${remote}`, who);
    }
  };
  for (const name of [...OURS, 'sandbox']) add(name, site.host(name).address, stack.pidOf(name));
  for (const name of ['postgres', 'temporal'] as const) add(name, site.host(name).address, site.pidOf(name));
  add('outside', site.network.us, process.pid);
  return [...ends]
    .filter(([end]) => !ends.has(end.split(' ').reverse().join(' ')))
    .map(([end, who]) => `${who}: ${end}`);
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { balance } from '../../../test/support/servers/balancer.js';
import type { StartBalancer } from '../../../test/support/stack/pairs.js';
import type { Places } from '../../../test/support/stack/places.js';
import { PROCESS_NAMES, second } from '../../../test/support/stack.js';
import type { OwnServers } from '../../drill.js';
import { Machine, makeNetwork, type Network } from '../patroni/machines.js';
import { DelayLine } from './delay-line.js';
import { breakBetween } from './faults.js';
import { Host, macOf, type Peer } from './host.js';
import type { Episode, Far } from './plan.js';
import { type Placed, placePostgres, placeTemporal } from './servers.js';

export const METRICS_PORT = 9464;
const INSTANCES = PROCESS_NAMES.flatMap((name) => (name === 'sandbox' ? [name] : [name, second(name)]));
/** Our processes; the sandbox stands for the providers. */
export const OURS = INSTANCES.filter((name) => name !== 'sandbox');

type Own = (end: () => unknown) => void;

/** Every process and every server on a machine of its own, all on one network; clients and balancers are outside. */
export class Site {
  private readonly hosts = new Map<string, Host>();
  private readonly placed = new Map<string, Placed>();
  private readonly outside: Peer;

  private constructor(
    readonly network: Network,
    private readonly delays: DelayLine,
    hosts: readonly Host[],
  ) {
    for (const host of hosts) this.hosts.set(host.name, host);
    this.outside = { address: network.us, mac: macOf(network.bridge) };
  }

  /** Makes the machines, and starts the servers on theirs. */
  static async start(own: Own, cli: string): Promise<Site> {
    const logs = mkdtempSync(join(tmpdir(), 'tempost-networks-'));
    own(() => rmSync(logs, { recursive: true, force: true }));
    const network = makeNetwork();
    own(() => network.remove());
    const links: string[] = [];
    const hosts = [...INSTANCES, 'postgres', 'temporal'].map((name, n) => {
      const machine = Machine.make(network.bridge, `m${n + 1}`, `${network.prefix}${n + 1}`, logs);
      own(() => machine.remove());
      links.push(`${network.bridge}d${n + 1}`);
      return Host.make(name, machine, links.at(-1)!);
    });
    const delays = await DelayLine.start(network.bridge, links);
    own(() => delays.end(network.bridge));
    const site = new Site(network, delays, hosts);
    site.host('sandbox').openLoopback();
    const place = async (name: 'postgres' | 'temporal', placed: Promise<Placed>) => {
      const server = await placed;
      site.placed.set(name, server);
      own(() => server.end());
    };
    await place('postgres', placePostgres(site.host('postgres')));
    await place('temporal', placeTemporal(site.host('temporal'), cli));
    return site;
  }

  /** What the world is told of it. */
  get servers(): OwnServers {
    return {
      databaseUrl: this.placed.get('postgres')!.at,
      temporalAddress: this.placed.get('temporal')!.at,
      places: this.places,
    };
  }

  private get places(): Places {
    return {
      front: this.network.us,
      of: (instance) => {
        const host = this.host(instance);
        const env = { HOST: host.address, METRICS_PORT: String(METRICS_PORT) };
        return { address: host.address, before: host.before, env };
      },
    };
  }

  readonly startBalancer: StartBalancer = (port, copies, name) => {
    const behind = [name, second(name)].map((instance, n) => ({ host: this.host(instance).address, port: copies[n]! }));
    return balance({ host: this.network.us, port }, behind);
  };

  host(name: string): Host {
    const host = this.hosts.get(name);
    if (!host) throw new Error(`no machine of ${name}`);
    return host;
  }

  /** The process id of a server. */
  pidOf(server: 'postgres' | 'temporal'): number {
    return this.placed.get(server)!.pid;
  }

  /** Makes an episode begin. @returns what ends it. */
  begin({ hosts, fault }: Episode): () => void {
    const heals = hosts.map((name) => {
      const host = this.host(name);
      return fault ? breakBetween(fault.kind, host, this.peer(fault.far), this.delays) : host.unplug();
    });
    return () => {
      for (const heal of heals) heal();
    };
  }

  private peer(far: Far): Peer {
    return far === 'outside' ? this.outside : this.host(far);
  }
}

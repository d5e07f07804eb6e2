import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../../src/dev/ports.js';
import { exitOf, startDetached } from '../../../src/dev/processes/process.js';
import { eventually } from '../eventually.js';
import { Configuration, PASSWORD } from './configuration.js';
import { killed, Machine, makeNetwork, type Network } from './machines.js';
import { copyPrograms, type Programs } from './programs.js';

const MACHINES = [1, 2, 3] as const;
const PATRONI_PORT = 8008;
export const ETCD_PORTS = [2379, 2380] as const;
const UP_WITHIN_MS = 900_000;
const ASK_WITHIN_MS = 1_000;

type Own = (end: () => unknown) => void;

/** One of the three machines, with its etcd, Patroni and PostgreSQL. */
export interface Node {
  readonly number: number;
  readonly machine: Machine;
}

interface Member {
  readonly name: string;
  readonly role: string;
  readonly state: string;
}

/** Three machines as `deploy/patroni` makes them, and HAProxy beside us. */
export class PatroniCluster {
  readonly nodes: Node[] = [];
  private readonly etcds = new Map<number, number>();
  private readonly patronis = new Map<number, number>();

  private constructor(
    private readonly programs: Programs,
    readonly network: Network,
    private readonly configuration: Configuration,
    private readonly patroniFile: string,
    /** Where HAProxy leads to the leader. */
    readonly port: number,
  ) {}

  /**
   * Starts all of it, and makes the role and the database of Tempost.
   *
   * @throws CannotDrill when a program cannot be had.
   */
  static async start(own: Own): Promise<PatroniCluster> {
    const programs = copyPrograms();
    own(() => programs.remove());
    const network = makeNetwork();
    own(() => network.remove());
    const configuration = new Configuration(network.prefix, programs.folder, programs.bin);
    const port = await freePort();
    const cluster = new PatroniCluster(programs, network, configuration, configuration.writePatroni(), port);
    own(() => Promise.all(cluster.nodes.map(({ machine }) => machine.remove())));
    for (const number of MACHINES) {
      const address = `${network.prefix}${number}`;
      const machine = Machine.make(network.bridge, configuration.name(number), address, join(programs.folder, 'logs'));
      cluster.nodes.push({ number, machine });
    }
    await Promise.all(cluster.nodes.map((node) => cluster.startEtcd(node)));
    await Promise.all(cluster.nodes.map((node) => cluster.startPatroni(node)));
    await cluster.isWhole(UP_WITHIN_MS);
    await cluster.startHaproxy(own);
    await cluster.makeDatabase();
    return cluster;
  }

  get databaseUrl(): string {
    return this.urlAt('127.0.0.1', this.port);
  }

  /** A way past HAProxy, to one machine whoever leads. */
  directUrl({ machine }: Node): string {
    return this.urlAt(machine.address, 5432);
  }

  private urlAt(host: string, port: number, user = 'tempost', database = 'tempost'): string {
    return `postgres://${user}:${PASSWORD}@${host}:${port}/${database}`;
  }

  async startEtcd({ number, machine }: Node): Promise<void> {
    const { user, etcd } = this.programs;
    const env = { PATH: process.env.PATH ?? '', ...this.configuration.etcd(number) };
    this.etcds.set(number, await machine.start(`etcd-${number}`, user, [etcd], env));
  }

  async startPatroni({ number, machine }: Node): Promise<void> {
    const { user, python, pythonPath, bin } = this.programs;
    const env = {
      PATH: `${bin}:${process.env.PATH}`,
      PYTHONPATH: pythonPath,
      PYTHONUNBUFFERED: '1',
      ...this.configuration.patroni(number),
    };
    const command = [python, '-m', 'patroni', this.patroniFile];
    this.patronis.set(number, await machine.start(`patroni-${number}`, user, command, env));
  }

  private async startHaproxy(own: Own): Promise<void> {
    const log = openSync(join(this.programs.folder, 'logs', 'haproxy.log'), 'a');
    const child = await startDetached({
      command: this.programs.haproxy,
      args: ['-db', '-f', this.configuration.writeHaproxy(this.port)],
      stdout: log,
      stderr: log,
    });
    const exited = exitOf(child);
    own(async () => {
      killed(child.pid, 'SIGKILL');
      await exited;
    });
  }

  private async makeDatabase(): Promise<void> {
    const url = this.urlAt('127.0.0.1', this.port, 'postgres', 'postgres');
    const create = async () => {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
      client.on('error', () => {});
      await client.connect();
      try {
        await client.query(`create role tempost login password '${PASSWORD}'`);
        await client.query('create database tempost owner tempost');
      } finally {
        await client.end();
      }
      return true;
    };
    await eventually('HAProxy leads to the leader', create, UP_WITHIN_MS);
  }

  /** Waits until one leads and both others follow. @returns after how many seconds. */
  async isWhole(withinMs: number): Promise<number> {
    const startedAt = Date.now();
    await eventually(
      'one leads and two follow',
      async () => {
        const members = await this.members();
        const isUp = ({ role, state }: Member) => state === 'streaming' || (role === 'leader' && state === 'running');
        return members.filter(isUp).length === MACHINES.length && members.some(({ role }) => role === 'sync_standby');
      },
      withinMs,
    );
    return Math.round((Date.now() - startedAt) / 100) / 10;
  }

  /** As any of the machines tells it. */
  private async members(): Promise<Member[]> {
    for (const { machine } of this.nodes) {
      const members = await fetch(`http://${machine.address}:${PATRONI_PORT}/cluster`, {
        signal: AbortSignal.timeout(ASK_WITHIN_MS),
      }).then(
        async (answer) => ((await answer.json()) as { members: Member[] }).members,
        () => undefined,
      );
      if (members) return members;
    }
    return [];
  }

  /** Who leads now. */
  async leader(): Promise<Node> {
    let found: Node | undefined;
    await eventually(
      'one leads',
      async () => {
        const leader = (await this.members()).find(({ role }) => role === 'leader');
        found = this.nodes.find(({ number }) => this.configuration.name(number) === leader?.name);
        return found !== undefined;
      },
      UP_WITHIN_MS,
    );
    return found!;
  }

  othersThan(node: Node): Node[] {
    return this.nodes.filter(({ number }) => number !== node.number);
  }

  killServer({ number }: Node): void {
    const [pid] = readFileSync(join(this.configuration.data(number), 'postmaster.pid'), 'utf8').split('\n');
    killed(Number(pid), 'SIGKILL');
  }

  /** Patroni and then its server, as when the machine dies. */
  killBoth(node: Node): void {
    killed(this.patronis.get(node.number)!, 'SIGKILL');
    this.killServer(node);
  }

  killEtcd({ number }: Node): void {
    killed(this.etcds.get(number)!, 'SIGKILL');
  }

  /** Patroni and its server with all its processes; etcd goes on. @returns what wakes them. */
  freezeBoth({ number, machine }: Node): () => void {
    const frozen = machine.pids().filter((pid) => pid !== this.etcds.get(number));
    for (const pid of frozen) killed(pid, 'SIGSTOP');
    return () => {
      for (const pid of frozen) killed(pid, 'SIGCONT');
    };
  }
}

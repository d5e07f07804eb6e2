import { chmodSync, closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { freePort } from '../../../src/dev/ports.js';
import { removePostgresHome, startPostgres } from '../../../src/dev/postgres/server.js';
import { exitOf, type RunningProcess, signal, startDetached } from '../../../src/dev/processes/process.js';
import { CannotDrill } from '../../drill.js';
import { eventually } from '../eventually.js';
import { Configuration, NAMESPACE, ROLES, type Role } from './configuration.js';
import { installPrograms, type Programs } from './programs.js';

export const MACHINES = [1, 2] as const;
export const ROLE_NAMES = Object.keys(ROLES) as readonly Role[];
const UP_WITHIN_MS = 300_000;
/** What systemd waits before it starts a process again that has ended (`RestartSec`). */
const STARTED_AGAIN_AFTER_MS = 1_000;

type Own = (end: () => unknown) => void;

/** One process of the cluster. */
export interface Node {
  readonly machine: (typeof MACHINES)[number];
  readonly role: Role;
}

interface Running {
  readonly pid: number;
  readonly exited: Promise<unknown>;
}

const nameOf = ({ machine, role }: Node) => `${role}-${'ab'[machine - 1]}`;

/** Two machines with Temporal's four roles as `deploy/temporal` makes them, its PostgreSQL, and HAProxy beside us. */
export class TemporalCluster {
  private readonly running = new Map<string, Running>();
  /** Processes that ended by themselves, and were started again. */
  readonly ended: string[] = [];
  private isStopping = false;

  private constructor(
    private readonly programs: Programs,
    private readonly configuration: Configuration,
    private readonly folder: string,
    private readonly postgres: RunningProcess,
    /** Where HAProxy leads to a frontend. */
    readonly address: string,
  ) {}

  /**
   * Starts all of it and makes the namespace.
   *
   * @param own is handed what ends each part, as soon as it is there.
   * @throws CannotDrill when a program cannot be had.
   */
  static async start(own: Own, options: { readonly cli: string; readonly shards: number }): Promise<TemporalCluster> {
    if (process.platform !== 'linux') throw new CannotDrill('only Linux has all of 127.0.0.0/8: a machine needs one');
    const programs = installPrograms();
    const folder = mkdtempSync(join(tmpdir(), 'tempost-temporal-'));
    own(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
    chmodSync(folder, 0o711); // As root PostgreSQL runs as another user, who must be able to pass.
    const home = join(folder, 'postgres');
    own(() => removePostgresHome(home));
    const postgres = await startPostgres({ home, port: await freePort(), settings: { max_connections: '400' } });
    own(() => postgres.stop());
    const prefix = `127.${20 + (Date.now() % 200)}.${process.pid % 250}.`;
    const configuration = new Configuration(prefix, folder, new URL(postgres.url), options.shards);
    configuration.makeCertificates();
    configuration.makeDatabases(programs.sqlTool);
    const port = await freePort();
    const cluster = new TemporalCluster(programs, configuration, folder, postgres, `127.0.0.1:${port}`);
    own(() => cluster.stop());
    await Promise.all(cluster.nodes().map((node) => cluster.startNode(node)));
    await cluster.startHaproxy(own, port);
    await cluster.isListening();
    configuration.makeNamespace(options.cli, cluster.address);
    await cluster.knowsNamespace();
    return cluster;
  }

  /** Of one role, or of one machine; all of them without either. */
  nodes({ role, machine }: Partial<Node> = {}): Node[] {
    const all = MACHINES.flatMap((each) => ROLE_NAMES.map((name) => ({ machine: each, role: name })));
    return all.filter((node) => (role ?? node.role) === node.role && (machine ?? node.machine) === node.machine);
  }

  /** What our processes are told, to reach it. */
  get env(): Record<string, string> {
    return this.configuration.clientEnvironment;
  }

  /** The processes by name, PostgreSQL among them. */
  get pids(): Record<string, number> {
    const nodes = [...this.running].map(([name, { pid }]) => [`Temporal ${name}`, pid] as const);
    return { ...Object.fromEntries(nodes), 'Temporal PostgreSQL': this.postgres.pid };
  }

  /** A client of it. */
  async connect(address = this.address): Promise<Connection> {
    return Connection.connect({ address, tls: this.configuration.clientTls, connectTimeout: 5_000 });
  }

  async startNode(node: Node): Promise<void> {
    const name = nameOf(node);
    const log = openSync(join(this.folder, `${name}.log`), 'a');
    const config = ['--config-file', this.configuration.serverFile, '--allow-no-auth'];
    const child = await startDetached({
      command: this.programs.server,
      args: [...config, 'start', '--service', node.role],
      env: { PATH: process.env.PATH, ...this.configuration.node(node.machine, node.role) },
      cwd: this.folder,
      stdout: log,
      stderr: log,
    });
    closeSync(log);
    const exited = exitOf(child);
    this.running.set(name, { pid: child.pid, exited });
    void exited.then(() => this.startAgain(node, child.pid));
  }

  /** What systemd does with a process that ends by itself. */
  private async startAgain(node: Node, pid: number): Promise<void> {
    const isCurrent = () => !this.isStopping && this.running.get(nameOf(node))?.pid === pid;
    if (!isCurrent()) return;
    this.ended.push(nameOf(node));
    await delay(STARTED_AGAIN_AFTER_MS);
    if (isCurrent()) await this.startNode(node);
  }

  /** SIGKILL; resolves when it is gone. It stays away until it is started. */
  async kill(node: Node): Promise<void> {
    const running = this.running.get(nameOf(node));
    this.running.delete(nameOf(node));
    if (!running) return;
    signal(running.pid, 'SIGKILL');
    await running.exited;
  }

  /** SIGTERM, as an operator stops it; resolves when it is gone. */
  async stopNode(node: Node): Promise<void> {
    const running = this.running.get(nameOf(node));
    this.running.delete(nameOf(node));
    if (!running) return;
    signal(running.pid, 'SIGTERM');
    await running.exited;
  }

  /** SIGSTOP. @returns what wakes it. */
  freeze(node: Node): () => void {
    const { pid } = this.running.get(nameOf(node))!;
    signal(pid, 'SIGSTOP');
    return () => signal(pid, 'SIGCONT');
  }

  private async startHaproxy(own: Own, port: number): Promise<void> {
    const log = openSync(join(this.folder, 'haproxy.log'), 'a');
    const child = await startDetached({
      command: this.programs.haproxy,
      args: ['-db', '-f', this.configuration.writeHaproxy(port)],
      stdout: log,
      stderr: log,
    });
    closeSync(log);
    const exited = exitOf(child);
    own(async () => {
      signal(child.pid, 'SIGKILL');
      await exited;
    });
  }

  /** Every process takes connections. */
  async isListening(): Promise<void> {
    const open = ({ machine, role }: Node) => accepts(this.configuration.address(machine), ROLES[role].port);
    await eventually(
      'all of Temporal listens',
      async () => (await Promise.all(this.nodes().map(open))).every(Boolean),
      UP_WITHIN_MS,
    );
  }

  private async knowsNamespace(): Promise<void> {
    for (const { machine, role } of this.nodes({ role: 'frontend' })) {
      const connection = await this.connect(`${this.configuration.address(machine)}:${ROLES[role].port}`);
      const describe = () => connection.workflowService.describeNamespace({ namespace: NAMESPACE });
      await eventually('the namespace is known', () => describe().then(() => true), UP_WITHIN_MS).finally(() =>
        connection.close(),
      );
    }
  }

  private async stop(): Promise<void> {
    this.isStopping = true;
    for (const { pid } of this.running.values()) signal(pid, 'SIGKILL');
    await Promise.all([...this.running.values()].map(({ exited }) => exited));
  }
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, host);
    const say = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', say(true)).once('error', say(false)).setTimeout(2_000, say(false));
  });
}

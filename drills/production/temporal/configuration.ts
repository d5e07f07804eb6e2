import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { haproxyOfPatroni, haproxyOfTemporal } from '../../../deploy/check/haproxy.js';
import { must, root } from '../../../deploy/check/run.js';

/** Where `deploy/temporal` has its scripts and files. */
const DEPLOY = join(root, 'deploy', 'temporal');
/** The addresses of its files. */
const TEMPLATE = '10.0.0.';
/** The name in the certificates. */
const SERVER_NAME = 'temporal';

export const NAMESPACE = 'tempost';

/** Temporal's four roles, with the port of each and, for Prometheus, another one. */
export const ROLES = {
  frontend: { port: 7233, metricsPort: 9233 },
  history: { port: 7234, metricsPort: 9234 },
  matching: { port: 7235, metricsPort: 9235 },
  worker: { port: 7239, metricsPort: 9239 },
} as const;
export type Role = keyof typeof ROLES;

/** What the files of `deploy/temporal` say, for machines with other addresses and in other folders: nothing else differs. */
export class Configuration {
  readonly serverFile = join(DEPLOY, 'server.yaml');
  private readonly tls: string;

  constructor(
    /** As `127.7.9.`: the machines are 1 and 2. */
    private readonly prefix: string,
    private readonly folder: string,
    private readonly database: URL,
    private readonly shards: number,
  ) {
    this.tls = join(folder, 'tls');
  }

  /** The certificates of the cluster and of who comes to it. */
  makeCertificates(): void {
    mkdirSync(this.tls);
    must(join(DEPLOY, 'certificates.sh'), [this.tls]);
  }

  /** Both databases with their schemas. */
  makeDatabases(sqlTool: string): void {
    const { hostname, port, username, password } = this.database;
    const env = { ...process.env, SQL_TOOL: sqlTool, SQL_HOST: hostname, SQL_PORT: port };
    must(join(DEPLOY, 'schema.sh'), [], { env: { ...env, SQL_USER: username, SQL_PASSWORD: password } });
  }

  /** The namespace, by the way of whoever leads to the frontends. */
  makeNamespace(cli: string, address: string): void {
    const env = {
      ...process.env,
      TEMPORAL_CLI: cli,
      TEMPORAL_ADDRESS: address,
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(this.tls, 'ca.crt'),
      TEMPORAL_TLS_CLIENT_CERT_PATH: join(this.tls, 'client.crt'),
      TEMPORAL_TLS_CLIENT_KEY_PATH: join(this.tls, 'client.key'),
      TEMPORAL_TLS_SERVER_NAME: SERVER_NAME,
    };
    must(join(DEPLOY, 'namespace.sh'), [NAMESPACE], { env });
  }

  /** What a process of a machine is told: the lines of `temporal.env`, and its role's port for Prometheus. */
  node(machine: number, role: Role): Record<string, string> {
    const { host, username, password } = this.database;
    const lines = readFileSync(join(DEPLOY, 'temporal.env'), 'utf8').matchAll(/^([A-Z_]+)=(.*)$/gm);
    const told = Object.fromEntries([...lines].map(([, name, value]) => [name!, value!]));
    return {
      ...told,
      TEMPORAL_NODE_ADDRESS: this.address(machine),
      TEMPORAL_HISTORY_SHARDS: String(this.shards),
      TEMPORAL_DB_ADDRESS: host,
      TEMPORAL_DB_USER: username,
      TEMPORAL_DB_PASSWORD: password,
      TEMPORAL_TLS_DIR: this.tls,
      TEMPORAL_DYNAMIC_CONFIG: join(DEPLOY, 'dynamic.yaml'),
      TEMPORAL_METRICS_PORT: String(ROLES[role].metricsPort),
    };
  }

  /**
   * Writes `haproxy.cfg`: what Patroni's begins with, and the section that is appended to it, with a port of ours in the
   * place of 7233. Nothing leads to Patroni's machines: there are none here.
   */
  writeHaproxy(port: number): string {
    const path = join(this.folder, 'haproxy.cfg');
    const [begins] = haproxyOfPatroni().split('\nlisten ');
    const section = haproxyOfTemporal(this.tls)
      .replaceAll(TEMPLATE, this.prefix)
      .replaceAll('127.0.0.1:7233', `127.0.0.1:${port}`);
    writeFileSync(path, `${begins}\n${section}`);
    return path;
  }

  /** What our processes are told, to reach it. */
  get clientEnvironment(): Record<string, string> {
    return {
      TEMPORAL_NAMESPACE: NAMESPACE,
      TEMPORAL_TLS_CA_FILE: join(this.tls, 'ca.crt'),
      TEMPORAL_TLS_CERT_FILE: join(this.tls, 'client.crt'),
      TEMPORAL_TLS_KEY_FILE: join(this.tls, 'client.key'),
      TEMPORAL_TLS_SERVER_NAME: SERVER_NAME,
    };
  }

  /** The same for a client of the SDK. */
  get clientTls() {
    const file = (name: string) => readFileSync(join(this.tls, name));
    return {
      serverNameOverride: SERVER_NAME,
      serverRootCACertificate: file('ca.crt'),
      clientCertPair: { crt: file('client.crt'), key: file('client.key') },
    };
  }

  address(machine: number): string {
    return `${this.prefix}${machine}`;
  }
}

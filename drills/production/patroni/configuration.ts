import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { haproxyOfPatroni } from '../../../deploy/check/haproxy.js';
import { root } from '../../../deploy/check/run.js';

const { load } = createRequire(import.meta.url)('js-yaml') as { load: (text: string) => Patroni };

interface Patroni {
  readonly postgresql: { readonly pg_hba: readonly string[] };
}

/** The addresses of `deploy/patroni`. */
const TEMPLATE = '10.0.0.';
export const PASSWORD = 'drill';

const text = (file: string, prefix: string) =>
  readFileSync(join(root, 'deploy', 'patroni', file), 'utf8').replaceAll(TEMPLATE, prefix);

/** The lines of an environment file, as systemd reads them. */
function environment(file: string, prefix: string, own: (line: string) => string): Record<string, string> {
  const lines = text(file, prefix)
    .split('\n')
    .filter((line) => /^[A-Z0-9_]+=/.test(line));
  return Object.fromEntries(lines.map(own).map((line) => [line.split('=')[0]!, line.slice(line.indexOf('=') + 1)]));
}

/** What the files of `deploy/patroni` say, for machines with other addresses and in other folders: nothing else differs. */
export class Configuration {
  constructor(
    /** As `10.213.7.`: the machines are 1, 2 and 3. */
    private readonly prefix: string,
    private readonly folder: string,
    private readonly bin: string,
  ) {}

  etcd(machine: number): Record<string, string> {
    const name = this.name(machine);
    const own = (line: string) =>
      /^ETCD_INITIAL_CLUSTER/.test(line) ? line : line.replaceAll(`${this.prefix}1`, `${this.prefix}${machine}`);
    return {
      ...environment('etcd.env', this.prefix, own),
      ETCD_NAME: name,
      ETCD_DATA_DIR: join(this.folder, `etcd-${name}`),
    };
  }

  patroni(machine: number): Record<string, string> {
    const name = this.name(machine);
    const own = (line: string) =>
      line.startsWith('PATRONI_ETCD3') ? line : line.replaceAll(`${this.prefix}1`, `${this.prefix}${machine}`);
    const told = environment('patroni.env', this.prefix, own);
    const passwords = Object.fromEntries(
      Object.keys(told)
        .filter((variable) => variable.endsWith('_PASSWORD'))
        .map((variable) => [variable, PASSWORD]),
    );
    return {
      ...told,
      ...passwords,
      PATRONI_NAME: name,
      PATRONI_POSTGRESQL_DATA_DIR: this.data(machine),
      PATRONI_POSTGRESQL_BIN_DIR: this.bin,
      PATRONI_POSTGRESQL_PGPASS: join(this.folder, `pgpass-${name}`),
    };
  }

  /** Writes `patroni.yml`. All machines share one file system here, and so cannot have a socket of one name. */
  writePatroni(): string {
    const { postgresql, ...rest } = load(text('patroni.yml', this.prefix));
    const parameters = { unix_socket_directories: '' };
    const path = join(this.folder, 'patroni.yml');
    writeFileSync(path, JSON.stringify({ ...rest, postgresql: { ...postgresql, parameters } }));
    return path;
  }

  /** Writes `haproxy.cfg`, with a port of ours in the place of 5000, and no page of figures. */
  writeHaproxy(port: number): string {
    const [config] = haproxyOfPatroni().replaceAll(TEMPLATE, this.prefix).split('\nlisten stats');
    const path = join(this.folder, 'haproxy.cfg');
    writeFileSync(path, `${config!.replaceAll('127.0.0.1:5000', `127.0.0.1:${port}`)}\n`);
    return path;
  }

  data(machine: number): string {
    return join(this.folder, `data-${this.name(machine)}`);
  }

  name(machine: number): string {
    return 'abc'[machine - 1]!;
  }
}

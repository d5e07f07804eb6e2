// What docker-compose.temporal.yml makes of Temporal, without containers: its scripts and its environment, with the same
// programs that the images hold and the same configuration that the server makes of the environment.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { freePorts } from '../../src/dev/ports.js';
import { removePostgresHome, startPostgres } from '../../src/dev/postgres/server.js';
import { findTemporalCli } from '../../src/dev/temporal/cli.js';
import { SEARCH_ATTRIBUTES } from '../../src/temporal/names.js';
import { goModule } from './cluster.js';
import { must, root } from './run.js';
import { tool } from './tools.js';

const { load } = createRequire(import.meta.url)('js-yaml') as { load: (text: string) => unknown };

interface Service {
  readonly environment?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
}
type Env = Readonly<Record<string, string>>;

/** Of the server's roles, each of which listens on two ports; in containers nobody else has them. */
const PORTS = ['FRONTEND', 'HISTORY', 'MATCHING', 'WORKER'].flatMap((role) => [`${role}_GRPC`, `${role}_MEMBERSHIP`]);
const WITHIN_MS = 120_000;

/** @returns what was seen of the server that started. */
export async function checkTemporalCompose(): Promise<string> {
  const [server, sqlTool] = [tool('temporal-server', true), tool('temporal-sql', true)];
  const schema = join(goModule('go.temporal.io/server@v1.32.0'), 'schema');
  const cli = await findTemporalCli({ env: process.env, dataDir: join(root, '.data') });
  const { services, configs } = load(readFileSync(join(root, 'docker-compose.temporal.yml'), 'utf8')) as Compose;
  const folder = mkdtempSync(join(tmpdir(), 'tempost-temporal-'));
  const home = join(folder, 'postgres');
  const [databasePort, httpPort, ...ports] = await freePorts(PORTS.length + 2);
  const postgres = await startPostgres({ home, port: databasePort!, settings: { max_connections: '200' } });
  const started: ChildProcess[] = [];
  try {
    for (const [name, program] of Object.entries({ temporal: cli, 'temporal-sql-tool': sqlTool }))
      symlinkSync(program, join(folder, name));
    const environment = (name: string, here: Env): Env => ({
      PATH: `${folder}:${process.env.PATH}`,
      ...Object.fromEntries(Object.entries(services[name]!.environment!).map(([key, value]) => [key, resolved(value)])),
      ...here,
    });
    const run = (name: string, here: Env) => {
      const { entrypoint = [], command = [] } = services[name]!;
      const [shell, ...args] = [...entrypoint, ...command].map((word) =>
        word.replaceAll('$$', '$').replaceAll('/etc/temporal/schema', schema),
      );
      must(shell!, args, { env: environment(name, here), timeout: WITHIN_MS });
    };
    await asItsImageDoes(postgres.url, environment('temporal-postgresql', {}));
    const database = { SQL_HOST: '127.0.0.1', SQL_PORT: String(databasePort) };
    for (let times = 0; times < 2; times++) run('temporal-schema', database);

    const dynamic = join(folder, 'dynamic.yaml');
    writeFileSync(dynamic, configs['temporal-dynamic-config']!.content);
    must(server, ['validate-dynamic-config', dynamic]);
    const env = environment('temporal', {
      ...{ POSTGRES_SEEDS: '127.0.0.1', DB_PORT: String(databasePort), DYNAMIC_CONFIG_FILE_PATH: dynamic },
      // As the image's entry point does where the server listens on all addresses.
      TEMPORAL_BROADCAST_ADDRESS: '127.0.0.1',
      FRONTEND_HTTP_PORT: String(httpPort),
      ...Object.fromEntries(PORTS.map((name, index) => [`${name}_PORT`, String(ports[index])])),
    });
    const start = (changed: Env) => {
      const log = openSync(join(folder, 'server.log'), 'a');
      const child = spawn(server, ['start'], { cwd: folder, env: { ...env, ...changed }, stdio: ['ignore', log, log] });
      started.push(child);
      return child;
    };
    const wrong = start({ POSTGRES_PWD: 'wrong' });
    await Promise.race([once(wrong, 'exit'), wait(WITHIN_MS, undefined, { ref: false })]);
    if (wrong.exitCode === null || wrong.exitCode === 0)
      throw new Error('it starts without its database: nothing is read');

    start({});
    const address = `127.0.0.1:${ports[0]}`;
    // It waits for the server itself, for as long as it has.
    for (let times = 0; times < 2; times++) run('temporal-namespace', { TEMPORAL_ADDRESS: address });
    return seen(cli, address);
  } catch (error) {
    const log = readFileSync(join(folder, 'server.log'), { encoding: 'utf8', flag: 'a+' }).slice(-2_000);
    throw error instanceof Error && log ? Object.assign(error, { message: `${error.message}\n${log}` }) : error;
  } finally {
    for (const child of started) child.kill('SIGKILL');
    await postgres.stop();
    removePostgresHome(home);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A variable's default, where nobody has set it. */
const resolved = (value: string) => value.replaceAll(/\$\{\w+:-(\w+)\}/g, '$1');

/** A superuser of the name and password that are asked for, and a database of the same name. */
async function asItsImageDoes(url: string, { POSTGRES_USER: user, POSTGRES_PASSWORD: password }: Env): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`create role ${user} superuser login password '${password}'`);
    await client.query(`create database ${user} owner ${user}`);
  } finally {
    await client.end();
  }
}

/** @throws Error when it is not the server that the file asks for. */
function seen(cli: string, address: string): string {
  const tell = (...args: string[]) =>
    JSON.parse(must(cli, ['operator', ...args, '--address', address, '--output', 'json']));
  const { serverVersion, historyShardCount, persistenceStore } = tell('cluster', 'describe');
  if (historyShardCount !== 512) throw new Error(`${historyShardCount} history shards, where the file says 512`);
  if (!/postgres/.test(persistenceStore)) throw new Error(`it keeps its data in ${persistenceStore}`);
  const { customAttributes } = tell('search-attribute', 'list');
  const missing = SEARCH_ATTRIBUTES.filter((name) => !(name in customAttributes));
  if (missing.length > 0) throw new Error(`no search attributes ${missing.join(', ')}`);
  return `server ${serverVersion} on ${persistenceStore}, ${historyShardCount} shards, its namespace as we need it`;
}

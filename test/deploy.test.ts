import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { environmentSchema } from '../src/config.js';
import { SEND_SLOTS } from '../src/domain/fleets/scale.js';
import { PRIORITIES } from '../src/priority.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const { load } = createRequire(import.meta.url)('js-yaml') as { load: (text: string) => unknown };

/** The source of what a target starts, as `dist/src/api/main.js`. */
const sourceOf = (command: string) => command.replace(/^dist\//, '').replace(/\.js$/, '.ts');
const PROCESSES = ['api', 'webhooks', 'dispatcher'];
const graceS = environmentSchema.shape.SHUTDOWN_GRACE_S.parse(undefined);

interface Service {
  readonly image: string;
  readonly command?: string[];
  readonly environment?: Record<string, string>;
  readonly volumes?: string[];
  readonly ports?: string[];
  readonly depends_on?: Record<string, { condition: string }>;
  readonly healthcheck?: { test: string[] };
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly stop_grace_period?: string;
}
interface Compose {
  readonly include: string[];
  readonly services: Record<string, Service>;
  readonly volumes: Record<string, null>;
}

describe('deploy/helm', () => {
  it('its autoscalers reckon with as many e-mails a worker as a worker sends at once', () => {
    const { fleets } = load(read('deploy/helm/tempost/values.yaml')) as {
      fleets: Record<string, { inFlight: number }>;
    };
    for (const priority of PRIORITIES) expect(fleets[priority]!.inFlight).toBe(SEND_SLOTS[priority]);
  });
});

describe('deploy/compose', () => {
  const folder = 'deploy/compose';
  const { include, services, volumes } = load(read(join(folder, 'docker-compose.yml'))) as Compose;
  const included = include.map((path) => load(read(join(folder, path))) as Compose);
  const all = Object.assign({}, services, ...included.map((file) => file.services)) as Record<string, Service>;
  const ours = Object.entries(services).filter(([, { image }]) => image.startsWith('tempost:'));

  it('starts every process, and a worker of every priority', () => {
    const commands = ours.map(([, { command }]) => command!);
    for (const [script] of commands) expect(existsSync(join(root, sourceOf(script!))), script).toBe(true);
    const started = commands.map(([script, ...args]) => [script!.split('/')[2], ...args].join(' '));
    const workers = PRIORITIES.map((priority) => `worker --priority ${priority}`);
    expect(started.sort()).toEqual([...PROCESSES, ...workers, 'postgres'].sort());
  });

  it('sets only variables that are read', () => {
    for (const [, { environment = {} }] of ours) {
      expect(Object.keys(environment).filter((name) => !(name in environmentSchema.shape))).toEqual([]);
    }
  });

  it('refers only to what it has, waits for an end only where one comes, and publishes on loopback only', () => {
    for (const [name, service] of Object.entries(services)) {
      for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(Object.keys(all), name).toContain(needed);
        if (condition === 'service_healthy') expect(all[needed]!.healthcheck, needed).toBeDefined();
        if (condition === 'service_completed_successfully') expect(all[needed]!.restart).toMatch(/^on-failure/);
      }
      for (const volume of service.volumes ?? []) expect(Object.keys(volumes)).toContain(volume.split(':')[0]);
      for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
      expect(service.image).toMatch(/:(v?\d[\w.-]*|local)$/);
    }
    const hosts = Object.values(ours[0]![1].environment!).flatMap((value) => {
      const [, host] = /(?:@|:\/\/|^)([a-z][a-z-]*):\d+/.exec(value) ?? [];
      return host && host !== 'localhost' ? [host] : [];
    });
    expect(hosts.length).toBeGreaterThan(2);
    for (const host of hosts) expect(Object.keys(all)).toContain(host);
  });

  it('lets what has begun finish, and leaves nothing to be written but data', () => {
    for (const [, service] of ours) {
      expect(Number.parseInt(service.stop_grace_period!, 10)).toBeGreaterThan(graceS);
      expect(service.read_only).toBe(true);
    }
  });

  const validator = process.env.COMPOSE_SPEC;
  it.skipIf(!validator)('is what the Compose Specification allows, as its reference implementation reads it', () => {
    // Its command line passes over the environment, from which docker compose takes what the file insists on.
    const args = ['--no-interpolation', '--format', 'json', 'docker-compose.yml'];
    const { status, stdout, stderr } = spawnSync(validator!, args, { encoding: 'utf8', cwd: join(root, folder) });
    expect([status, stderr]).toEqual([0, '']);
    expect(Object.keys(JSON.parse(stdout).services).sort()).toEqual(Object.keys(all).sort());
  });
});

describe('deploy/systemd', () => {
  const units = readdirSync(join(root, 'deploy/systemd')).filter((name) => name.endsWith('.service'));

  it.each(units)('%s starts what there is, and lets it finish', (name) => {
    const text = read(`deploy/systemd/${name}`);
    const [, script] = /^ExecStart=\/usr\/bin\/node --enable-source-maps (\S+)/m.exec(text)!;
    const instances = script!.includes('%i') ? PROCESSES : [''];
    for (const instance of instances) {
      expect(existsSync(join(root, sourceOf(script!.replace('%i', instance)))), instance).toBe(true);
    }
    if (/^Type=oneshot/m.test(text)) return;
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(text)![1])).toBeGreaterThan(graceS);
    expect(text).toMatch(/^Restart=always$/m);
    expect(text).toMatch(/^StartLimitIntervalSec=0$/m);
  });
});

describe('deploy/patroni', () => {
  it('is synchronous, and its proxy asks for the leader and ends sessions with who is none', () => {
    const { bootstrap } = load(read('deploy/patroni/patroni.yml')) as {
      bootstrap: { dcs: { synchronous_mode: boolean; postgresql: { parameters: Record<string, string> } } };
    };
    expect(bootstrap.dcs.synchronous_mode).toBe(true);
    for (const name of ['fsync', 'full_page_writes', 'synchronous_commit']) {
      expect(bootstrap.dcs.postgresql.parameters[name]).toBe('on');
    }
    const proxy = read('deploy/patroni/haproxy.cfg');
    expect(proxy).toMatch(/^ {2}option httpchk OPTIONS \/primary$/m);
    expect(proxy).toContain('on-marked-down shutdown-sessions');
    // Else HAProxy goes on as root.
    expect(proxy).toMatch(/^global\n(?: {2}.*\n)* {2}user haproxy\n {2}group haproxy\n/m);
  });

  it('has connections for Tempost and for the Temporal of deploy/temporal at once', () => {
    const [, most] = /^ +max_connections: (\d+)$/m.exec(read('deploy/patroni/patroni.yml'))!;
    const pools = [...read('deploy/temporal/server.yaml').matchAll(/maxConns: (\d+)/g)].map(([, size]) => Number(size));
    const temporal = 8 * pools.reduce((sum, size) => sum + size, 0);
    const [, tempost] = /^\| statements a second, connections +\| [\d,]+, (\d+) /m.exec(read('docs/capacity.md'))!;
    expect(temporal).toBe(240);
    expect(Number(most)).toBeGreaterThan(temporal + Number(tempost));
  });
});

describe('the image', () => {
  const dockerfile = read('Dockerfile');
  const allowed = read('.dockerignore')
    .split('\n')
    .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));

  it('is made of what there is and the build context lets in', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) =>
      sources!.split(' '),
    );
    expect(copied.length).toBeGreaterThan(5);
    for (const path of copied) {
      expect(existsSync(join(root, path)), path).toBe(true);
      expect(allowed, path).toContain(path);
    }
    expect([...allowed].sort()).toEqual([...new Set(copied)].sort());
  });

  it('builds from everything that a build reads', async () => {
    const { listSources } = (await import('../scripts/dist.mjs')) as { listSources: () => string[] };
    for (const source of listSources()) {
      expect(
        allowed.some((path) => source === path || source.startsWith(`${path}/`)),
        source,
      ).toBe(true);
    }
  });

  it('builds from nothing else: what is compiled imports nothing outside of it', () => {
    const { exclude } = JSON.parse(read('tsconfig.build.json')) as { exclude: string[] };
    const compiled = ['src', 'sandbox', 'migrations', 'bench/processes'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .map((name) => join(folder, name))
        .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !exclude.includes(path)),
    );
    const outside = compiled.flatMap((path) =>
      [...read(path).matchAll(/from '(\.[^']+)'/g)]
        .map(([, target]) => join(path, '..', target!))
        .filter((target) => !allowed.some((folder) => target.startsWith(`${folder}/`)))
        .map((target) => `${path}: ${target}`),
    );
    expect(compiled.length).toBeGreaterThan(100);
    expect(outside).toEqual([]);
  });

  it('is not root, and starts the process itself', () => {
    expect(dockerfile).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
    expect(dockerfile).toMatch(/^ENTRYPOINT \["node", /m);
  });
});

import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { type RunningTemporal, startTemporalServer } from '../src/dev/temporal/server.js';
import { SEARCH_ATTRIBUTES } from '../src/temporal/names.js';
import { patient } from './support/patience.js';
import { freePort } from './support/ports.js';

const FILE = fileURLToPath(new URL('../docker-compose.temporal.yml', import.meta.url));
const { load } = createRequire(import.meta.url)('js-yaml') as { load: (text: string) => unknown };

// What of the Compose Specification the file uses, and no more: a misspelt key is a fault, not an extension.
const duration = z.string().regex(/^(\d+(ms|s|m|h))+$/);
const condition = z.enum(['service_started', 'service_healthy', 'service_completed_successfully']);
const serviceSchema = z.strictObject({
  image: z.string().regex(/^[a-z0-9./-]+:\d[\w.-]*$/, 'a pinned tag'),
  environment: z.record(z.string(), z.string()).optional(),
  volumes: z.array(z.string().regex(/^[\w-]+:\/[\w/.-]+$/)).optional(),
  configs: z.array(z.strictObject({ source: z.string(), target: z.string().startsWith('/') })).optional(),
  ports: z.array(z.string().regex(/^127\.0\.0\.1:\d+:\d+$/, 'published on loopback only')).optional(),
  depends_on: z.record(z.string(), z.strictObject({ condition })).optional(),
  healthcheck: z
    .strictObject({
      test: z.tuple([z.enum(['CMD', 'CMD-SHELL'])], z.string()),
      ...{ interval: duration, timeout: duration, retries: z.number().int().positive() },
    })
    .optional(),
  entrypoint: z.array(z.string()).optional(),
  command: z.array(z.string()).optional(),
  restart: z.string().regex(/^(no|always|unless-stopped|on-failure(:\d+)?)$/),
});
const composeSchema = z.strictObject({
  name: z.string(),
  'x-database': z.unknown(),
  services: z.record(z.string(), serviceSchema),
  configs: z.record(z.string(), z.strictObject({ content: z.string() })),
  volumes: z.record(z.string(), z.null()),
});

const { services, configs, volumes } = composeSchema.parse(load(readFileSync(FILE, 'utf8')));
const service = (name: string) => {
  const found = services[name];
  if (!found) throw new Error(`the file has no service ${name}`);
  return found;
};

/**
 * What each image listens on, reads and has: from the compose files and Dockerfiles that Temporal publishes
 * (temporalio/samples-server, temporalio/temporal), and from the documentation of the image `postgres`.
 */
const IMAGES: Readonly<Record<string, { ports: number[]; env: RegExp; tools: string[]; paths: RegExp }>> = {
  postgres: {
    ports: [5432],
    env: /^POSTGRES_(USER|PASSWORD|DB)$/,
    tools: ['pg_isready'],
    paths: /^\/var\/lib\/postgresql\/data$/,
  },
  'temporalio/server': { ports: [7233], env: /^[A-Z_]+$/, tools: ['nc'], paths: /^\/etc\/temporal\/config\// },
  'temporalio/admin-tools': {
    ports: [],
    env: /^(SQL_(PLUGIN|HOST|PORT|USER|PASSWORD|DATABASE)|TEMPORAL_ADDRESS)$/,
    tools: [],
    paths: /^$/,
  },
  'temporalio/ui': { ports: [8080], env: /^TEMPORAL_(ADDRESS|CORS_ORIGINS|UI_PORT)$/, tools: [], paths: /^$/ },
};
const imageOf = (image: string) => IMAGES[image.slice(0, image.lastIndexOf(':'))]!;
const targetPorts = (name: string) => imageOf(service(name).image).ports;

describe('docker-compose.temporal.yml', () => {
  it.each(Object.keys(services))('%s asks its image for what that has', (name) => {
    const {
      image,
      environment = {},
      ports = [],
      volumes: mounts = [],
      configs: files = [],
      healthcheck,
    } = service(name);
    const known = imageOf(image);
    expect(known, `facts about ${image}`).toBeDefined();
    for (const variable of Object.keys(environment)) expect(variable).toMatch(known.env);
    for (const port of ports) expect(known.ports).toContain(Number(port.split(':')[2]));
    for (const mount of mounts) expect(mount.split(':')[1]).toMatch(known.paths);
    for (const { target } of files) expect(target).toMatch(known.paths);
    if (healthcheck) expect(known.tools).toContain(healthcheck.test[1]?.split(' ')[0]);
  });

  it('refers only to what it has: services, volumes, configs, host names and ports', () => {
    for (const { depends_on = {}, volumes: mounts = [], configs: files = [], environment = {} } of Object.values(
      services,
    )) {
      for (const name of Object.keys(depends_on)) expect(Object.keys(services)).toContain(name);
      for (const mount of mounts) expect(Object.keys(volumes)).toContain(mount.split(':')[0]);
      for (const { source } of files) expect(Object.keys(configs)).toContain(source);
      const { TEMPORAL_ADDRESS: temporal, POSTGRES_SEEDS: host, DB_PORT: port } = environment;
      const { SQL_HOST: sqlHost, SQL_PORT: sqlPort } = environment;
      for (const [server, at] of [temporal?.split(':'), host && [host, port], sqlHost && [sqlHost, sqlPort]].filter(
        (address) => address !== undefined,
      ) as [string, string][]) {
        expect(targetPorts(server)).toContain(Number(at));
        expect(Object.keys(depends_on).length).toBeGreaterThan(0);
      }
    }
  });

  it('waits for health only where there is a check, for an end only where one comes, and never in a circle', () => {
    const comesAfter = (name: string, before: readonly string[]): void => {
      expect(before).not.toContain(name);
      for (const [needed, how] of Object.entries(service(name).depends_on ?? {})) {
        if (how.condition === 'service_healthy') expect(service(needed).healthcheck).toBeDefined();
        // Restarted for ever, it would never have completed.
        if (how.condition === 'service_completed_successfully') expect(service(needed).restart).toMatch(/^on-failure/);
        comesAfter(needed, [...before, name]);
      }
    };
    for (const name of Object.keys(services)) comesAfter(name, []);
  });

  it('gives one password to all who share it, and different host ports to all who publish one', () => {
    const passwords = Object.values(services).flatMap(({ environment = {} }) =>
      ['POSTGRES_PASSWORD', 'POSTGRES_PWD', 'SQL_PASSWORD'].flatMap((name) => environment[name] ?? []),
    );
    expect(passwords).toHaveLength(3);
    for (const password of passwords) expect(password).toMatch(/^\$\{TEMPORAL_POSTGRES_PASSWORD:-\w+\}$/);
    expect(new Set(passwords).size).toBe(1);
    const published = Object.values(services).flatMap(({ ports = [] }) => ports.map((port) => port.split(':')[1]));
    expect(new Set(published).size).toBe(published.length);
  });

  it('configures the server by variables and dynamic settings that it reads', () => {
    // The command line holds the same server, with its template of a configuration.
    const server = readFileSync(inject('temporalCli'));
    const { DYNAMIC_CONFIG_FILE_PATH: path, ...variables } = service('temporal').environment!;
    for (const name of Object.keys({ DYNAMIC_CONFIG_FILE_PATH: path, ...variables })) {
      expect(server.includes(`env "${name}"`), name).toBe(true);
    }
    expect(service('temporal').configs).toEqual([{ source: 'temporal-dynamic-config', target: path }]);
    const settings = load(configs['temporal-dynamic-config']!.content) as Record<string, { value: unknown }[]>;
    for (const [key, [{ value }]] of Object.entries(settings) as [string, [{ value: unknown }]][]) {
      expect(server.includes(key), key).toBe(true);
      expect(value).toBe(true);
    }
  });

  // Built from its Go module where there is Go; `.ci/run` does, and says so where it cannot.
  const validator = process.env.COMPOSE_SPEC;
  it.skipIf(!validator)('is what the Compose Specification allows, as its reference implementation reads it', () => {
    const validate = (file: string) =>
      spawnSync(validator as string, ['--format', 'json', file], { encoding: 'utf8', env: { PATH: process.env.PATH } });
    const { status, stdout, stderr } = validate(FILE);
    expect([status, stderr]).toEqual([0, '']);
    expect(Object.keys(JSON.parse(stdout).services).sort()).toEqual(Object.keys(services).sort());
  });
});

describe('the scripts in docker-compose.temporal.yml', { timeout: patient(120_000) }, () => {
  let folder: string;
  let temporal: RunningTemporal;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tempost-compose-'));
    const [cli, port] = [inject('temporalCli'), await freePort()];
    symlinkSync(cli, join(folder, 'temporal'));
    temporal = await startTemporalServer({ cli, port, logFile: join(folder, 'temporal.log'), searchAttributes: [] });
  });
  afterAll(async () => {
    await temporal?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A container's script, as its shell gets it: compose takes `$$` for a `$`. */
  async function run(name: string, env: Record<string, string>): Promise<string> {
    const { entrypoint = [], command = [] } = service(name);
    const [shell, ...args] = [...entrypoint, ...command].map((word) => word.replaceAll('$$', '$'));
    const options = { env: { PATH: `${folder}:${process.env.PATH}`, ...env }, timeout: patient(60_000) };
    const { stdout, stderr } = await promisify(execFile)(shell as string, args, options);
    return stdout + stderr;
  }

  it('leave nothing to compose that is meant for the shell', () => {
    for (const { command = [] } of Object.values(services)) {
      for (const script of command) expect(script.replaceAll('$$', '')).not.toMatch(/\$\w|\$\(/);
    }
  });

  it('make the namespace and its search attributes, and can be repeated', async () => {
    const [host, port] = temporal.address.split(':');
    expect(service('temporal-namespace').environment!.TEMPORAL_ADDRESS).toBe('temporal:7233');
    const env = { TEMPORAL_ADDRESS: `${host}:${port}` };
    for (let times = 0; times < 2; times++) await run('temporal-namespace', env);
    const list = ['operator', 'search-attribute', 'list', '--address', temporal.address, '--output', 'json'];
    const { customAttributes } = JSON.parse(execFileSync(join(folder, 'temporal'), list, { encoding: 'utf8' }));
    for (const name of SEARCH_ATTRIBUTES) expect(customAttributes).toHaveProperty(name);
  });

  it('make both databases and bring their schemas up to date', async () => {
    const tool = join(folder, 'temporal-sql-tool');
    writeFileSync(tool, '#!/bin/sh\necho "$@"\n');
    chmodSync(tool, 0o755);
    const schema = '/etc/temporal/schema/postgresql/v12';
    expect((await run('temporal-schema', {})).trim().split('\n')).toEqual([
      '--db temporal create-database',
      '--db temporal setup-schema -v 0.0',
      `--db temporal update-schema -d ${schema}/temporal/versioned`,
      '--db temporal_visibility create-database',
      '--db temporal_visibility setup-schema -v 0.0',
      `--db temporal_visibility update-schema -d ${schema}/visibility/versioned`,
    ]);
  });
});

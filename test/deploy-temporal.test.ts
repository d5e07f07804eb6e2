import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it } from 'vitest';
import { freePort } from '../src/dev/ports.js';
import { SEARCH_ATTRIBUTES } from '../src/temporal/names.js';
import { patient } from './support/patience.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const { load } = createRequire(import.meta.url)('js-yaml') as { load: (text: string) => unknown };

describe('deploy/temporal', () => {
  const folder = 'deploy/temporal';

  it('server.yaml reads what temporal.env and the unit set, and nothing else', () => {
    const named = [...read(`${folder}/server.yaml`).matchAll(/env "(\w+)"/g)].map(([, name]) => name!);
    const set = [...read(`${folder}/temporal.env`).matchAll(/^(\w+)=/gm)].map(([, name]) => name!);
    const byUnit = [...read(`${folder}/temporal@.service`).matchAll(/(TEMPORAL_\w+)=/g)].map(([, name]) => name!);
    expect([...new Set(named)].sort()).toEqual([...set, ...byUnit].sort());
  });

  it('dynamic.yaml names settings that the server has', () => {
    const server = readFileSync(inject('temporalCli'));
    const settings = Object.keys(load(read(`${folder}/dynamic.yaml`)) as object);
    expect(settings.length).toBeGreaterThan(3);
    for (const key of settings) expect(server.includes(key), key).toBe(true);
  });

  it('asks for a certificate everywhere, and checks a frontend by a handshake', () => {
    expect(read(`${folder}/server.yaml`).match(/requireClientAuth: true/g)).toHaveLength(2);
    expect(read(`${folder}/haproxy.cfg`)).toMatch(
      /^ {2}default-server check check-ssl .* on-marked-down shutdown-sessions$/m,
    );
  });

  it('its part of haproxy.cfg can be appended to that of deploy/patroni, which Tempost needs as well', () => {
    const sections = (path: string) =>
      [...read(path).matchAll(/^(global|defaults|listen \w+|frontend \w+|backend \w+)/gm)].map(([, name]) => name!);
    expect(sections(`${folder}/haproxy.cfg`)).toEqual(['listen temporal']);
    expect(sections('deploy/patroni/haproxy.cfg')).not.toContain('listen temporal');
    // Whatever defaults stand before it, Debian's `mode http` among them.
    for (const own of ['mode tcp', 'timeout connect', 'timeout client', 'timeout server', 'default-server']) {
      expect(read(`${folder}/haproxy.cfg`)).toMatch(new RegExp(`^ {2}${own}\\b`, 'm'));
    }
    expect(read(`${folder}/README.md`)).toMatch(/^cat haproxy\.cfg >> \/etc\/haproxy\/haproxy\.cfg/m);
  });

  it.skipIf(spawnSync('openssl', ['version']).status !== 0)(
    'certificates.sh says on which day they end, and the command of the README tells before it',
    () => {
      const tls = mkdtempSync(join(tmpdir(), 'tempost-certificates-'));
      try {
        const said = execFileSync(join(root, folder, 'certificates.sh'), [tls, '31'], { encoding: 'utf8' });
        const [, end] = /^node\.crt and client\.crt end on (.+ GMT):/.exec(said)!;
        const days = (Date.parse(end!) - Date.now()) / 86_400_000;
        expect(Math.round(days)).toBe(31);
        const [command] = /^openssl x509 .+ -checkend 2592000$/m.exec(read(`${folder}/README.md`))!;
        const check = () => spawnSync('sh', ['-c', command.replace('/etc/temporal/tls', tls)]).status;
        expect(check()).toBe(0);
        execFileSync(join(root, folder, 'certificates.sh'), [tls, '29']);
        expect(check()).toBe(1);
      } finally {
        rmSync(tls, { recursive: true });
      }
    },
  );

  it('namespace.sh makes a namespace with our search attributes, and can be repeated', {
    timeout: patient(90_000),
  }, () => {
    const [cli, address] = [inject('temporalCli'), inject('temporalAddress')];
    const namespace = `made-${randomBytes(4).toString('hex')}`;
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, TEMPORAL_CLI: cli, TEMPORAL_ADDRESS: address };
    for (let times = 0; times < 2; times++) execFileSync(join(root, folder, 'namespace.sh'), [namespace], { env });
    const list = ['operator', 'search-attribute', 'list', '-n', namespace, '--address', address, '--output', 'json'];
    const { customAttributes } = JSON.parse(execFileSync(cli, list, { encoding: 'utf8' }));
    for (const name of SEARCH_ATTRIBUTES) expect(customAttributes).toHaveProperty(name);
    const describe = ['operator', 'namespace', 'describe', '-n', namespace, '--address', address];
    expect(execFileSync(cli, describe, { encoding: 'utf8' })).toMatch(/Retention.*72h/i);
  });

  it('namespace.sh tries for a minute by the clock, however long each try takes', () => {
    const programs = mkdtempSync(join(tmpdir(), 'tempost-namespace-'));
    try {
      const program = (name: string, script: string) =>
        writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      const tries = join(programs, 'tries');
      program('temporal', `echo "$*" >> ${tries}; exit 1`);
      program('sleep', 'exit 0');
      // Each look at the clock is 20 s after the one before: the server takes them to answer nothing.
      program('date', `echo . >> ${programs}/looks; echo $((20 * $(wc -l < ${programs}/looks)))`);
      const env = { PATH: `${programs}:${process.env.PATH}`, TEMPORAL_ADDRESS: '192.0.2.1:7233' };
      expect(spawnSync(join(root, folder, 'namespace.sh'), { env }).status).toBe(1);
      const described = readFileSync(tries, 'utf8').match(/ describe /g);
      expect(described).toHaveLength(3);
    } finally {
      rmSync(programs, { recursive: true });
    }
  });

  it('namespace.sh waits for a server that does not answer yet', { timeout: patient(90_000) }, async () => {
    const [cli, address, port] = [inject('temporalCli'), inject('temporalAddress'), await freePort()];
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, TEMPORAL_CLI: cli };
    const script = spawn(join(root, folder, 'namespace.sh'), [`late-${randomBytes(4).toString('hex')}`], {
      env: { ...env, TEMPORAL_ADDRESS: `127.0.0.1:${port}` },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(script, 'exit');
    await once(script.stderr, 'data'); // It has been refused.
    const server = net.createServer((socket) => {
      const [host, to] = address.split(':') as [string, string];
      const onwards = net.connect(Number(to), host, () => socket.pipe(onwards).pipe(socket));
      for (const [each, other] of [[socket, onwards] as const, [onwards, socket] as const])
        each.on('error', () => other.destroy());
    });
    server.listen(port, '127.0.0.1');
    try {
      expect(await ended).toEqual([0, null]);
    } finally {
      script.kill();
      server.close();
    }
  });
});

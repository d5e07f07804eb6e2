import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Dice } from '../drills/dice.js';
import { CannotDrill } from '../drills/drill.js';
import { DelayLine } from '../drills/production/networks/delay-line.js';
import { breakBetween, FAULT_KINDS, type FaultKind } from '../drills/production/networks/faults.js';
import { Host } from '../drills/production/networks/host.js';
import { type Episode, planOf } from '../drills/production/networks/plan.js';
import { connectionsOf } from '../drills/production/networks/sockets.js';
import { Machine, makeNetwork, type Network } from '../drills/production/patroni/machines.js';
import { NETWORKS } from '../drills/production/scenarios/networks.js';
import { patient } from './support/patience.js';

const run = promisify(execFile);
const endS = ({ startS, lengthS }: Episode) => startS + lengthS;

describe('what goes wrong in the networks of the drill', () => {
  it('is the same for the same seed, at three places at most, never twice at one, and over in time', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 20, max: 900 }), (seed, lengthS) => {
        const plan = planOf(new Dice(seed), lengthS);
        expect(planOf(new Dice(seed), lengthS)).toEqual(plan);
        for (const episode of plan) {
          expect(endS(episode)).toBeLessThanOrEqual(lengthS);
          const meanwhile = plan.filter((other) => other.startS <= episode.startS && endS(other) > episode.startS);
          expect(meanwhile.length).toBeLessThanOrEqual(3);
          const hosts = meanwhile.flatMap(({ hosts }) => hosts);
          expect(new Set(hosts).size).toBe(hosts.length);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('is every kind of fault between every two that talk, and every cable, when the time allows', () => {
    const met = new Set(
      planOf(new Dice(1), 4 * 3600).map(({ hosts: [host], fault }) => {
        const role = host!.replace(/^second-/, '').replace(/^worker-.*/, 'worker');
        return fault ? `${role} ${fault.far} ${fault.kind}` : `${role} unplugged`;
      }),
    );
    // Four with PostgreSQL, four with Temporal, workers with providers, clients with the api, providers with webhooks.
    expect(met.size).toBe(11 * FAULT_KINDS.length + 7);
  });
});

function canDrill(): boolean {
  try {
    void NETWORKS.install!(() => {});
    return true;
  } catch (error) {
    if (error instanceof CannotDrill) return false;
    throw error;
  }
}

/** Connects, says so many bytes, and waits for an answer. Prints how it went, and after how many milliseconds. */
const CLIENT = `const [host, port, bytes, waitMs] = process.argv.slice(1); const at = Date.now();
const socket = require('net').connect({ host, port });
const tell = (how) => { console.log(how, Date.now() - at); process.exit(); };
socket.on('data', () => tell('answered')).on('error', (error) => tell(error.code));
socket.on('connect', () => socket.write('?'.repeat(bytes) + '!'));
setTimeout(() => tell(socket.connecting ? 'unreachable' : 'mute'), waitMs);`;

describe.skipIf(!canDrill())('faults between machines (Linux, root, ip and iptables)', () => {
  const ends: (() => unknown)[] = [];
  let network: Network;
  let near: Host;
  let far: Host;
  let delays: DelayLine;
  let server: ChildProcess;
  beforeAll(async () => {
    network = makeNetwork();
    ends.unshift(() => network.remove());
    const links = [1, 2].map((n) => `${network.bridge}d${n}`);
    [near, far] = links.map((link, n) => {
      const machine = Machine.make(network.bridge, `m${n + 1}`, `${network.prefix}${n + 1}`, tmpdir());
      ends.unshift(() => machine.remove());
      return Host.make(String(n), machine, link);
    }) as [Host, Host];
    delays = await DelayLine.start(network.bridge, links);
    ends.unshift(() => delays.end(network.bridge));
    const answers = `require('net').createServer((s) => s.on('error', () => {}).on('data', (data) => {
      if (data.includes('!')) s.write('!'); }))
      .listen(7000, '0.0.0.0', () => console.log('listening'))`;
    server = await start(far, answers);
  });
  afterAll(async () => {
    for (const end of ends) await end();
  });

  /** A program of one's own on a machine; it is ended with its machine. */
  const start = async (host: Host, script: string) => {
    const [command, ...args] = [...host.before, process.execPath, '-e', script];
    const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout!, 'data');
    return child;
  };

  const ask = async ({ bytes = 0, waitMs = patient(5_000) } = {}) => {
    const said = [far.address, '7000', String(bytes), String(waitMs)];
    const [command, ...args] = [...near.before, process.execPath, '-e', CLIENT, ...said];
    const { stdout } = await run(command!, args);
    const [how, tookMs] = stdout.trim().split(' ');
    return { how, tookMs: Number(tookMs) };
  };
  const under = async (kind: FaultKind, how?: Parameters<typeof ask>[0]) => {
    const heal = breakBetween(kind, near, far, delays);
    try {
      return await ask(how);
    } finally {
      heal();
    }
  };

  it.each(['cut', 'mute', 'deaf'] as const)('%s: nobody is reached, and everybody again afterwards', async (kind) => {
    expect((await under(kind, { waitMs: 2_000 })).how).toBe('unreachable');
    expect((await ask()).how).toBe('answered');
  });

  it('late: each journey there and back takes 300 ms more', async () => {
    const { how, tookMs } = await under('late');
    expect(how).toBe('answered');
    expect(tookMs).toBeGreaterThanOrEqual(2 * 300);
    expect((await ask()).how).toBe('answered');
  });

  it('slow: 24 kB take a second at least', async () => {
    const { how, tookMs } = await under('slow', { bytes: 24_000 });
    expect(how).toBe('answered');
    expect(tookMs).toBeGreaterThanOrEqual(1_000);
  });

  it('lossy: what is lost is said again, and arrives', async () => {
    expect((await under('lossy', { bytes: 200_000 })).how).toBe('answered');
  });

  it('an unplugged machine is reached by nobody, and by everybody when its cable is back', async () => {
    const plugIn = far.unplug();
    expect((await ask({ waitMs: 2_000 })).how).toBe('unreachable');
    plugIn();
    expect((await ask()).how).toBe('answered');
  });

  it('a connection is seen at both of its ends', async () => {
    const client = await start(
      near,
      `require('net').connect({ host: '${far.address}', port: 7000 }).on('connect', () => console.log('connected'))`,
    );
    const [there] = connectionsOf(client.pid!);
    expect(there!.remote).toBe(`${far.address}:7000`);
    expect(there!.local.startsWith(`${near.address}:`)).toBe(true);
    expect(connectionsOf(server.pid!)).toContainEqual({ local: there!.remote, remote: there!.local });
  });
});

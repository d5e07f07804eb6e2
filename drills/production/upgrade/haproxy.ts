import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../../test/support/ports.js';
import type { Balancer } from '../../../test/support/servers/balancer.js';

/** How long a copy that has said that it is not ready may still get requests: two checks, and the time they take. */
export const NOTICED_WITHIN_S = 2;
/** How long all copies may take to be in rotation. */
const ROTATION_MS = 120_000;

/** A request that whoever came did not get an answer of ours to, or one of 500 and more. */
export interface Failed {
  readonly service: string;
  readonly status: number;
  /** HAProxy's code of how the session ended; `--`: as it should. */
  readonly end: string;
  readonly server: string;
}

export interface Haproxy extends Balancer {
  readonly failed: readonly Failed[];
  /** Requests that it passed on. */
  requests(): number;
  /** Waits until every copy is in rotation. @throws Error when one is not within two minutes. */
  allUp(): Promise<void>;
}

const config = (port: number, copies: readonly number[], stats: number) => `
global
  maxconn 2000
  log stdout format raw local0 info
defaults
  mode http
  log global
  log-format "request %ST %ts %s %HM %HP"
  timeout connect 2s
  timeout client 75s
  timeout server 75s
  timeout check 2s
  retries 3
  option redispatch
listen service
  bind 127.0.0.1:${port}
  balance roundrobin
  option httpchk GET /readyz
  http-check expect status 200
  default-server inter 500ms fastinter 300ms fall 2 rise 2 init-addr none
${copies.map((copy, n) => `  server copy${n + 1} 127.0.0.1:${copy} check`).join('\n')}
listen stats
  bind 127.0.0.1:${stats}
  option dontlog-normal
  stats enable
  stats uri /
`;

/**
 * HAProxy before two copies of a service, as `deploy/` describes it for machines of one's own: it asks `/readyz`, and
 * takes a copy out of rotation that says no twice.
 */
export async function startHaproxy(
  program: string,
  service: string,
  port: number,
  copies: readonly number[],
): Promise<Haproxy> {
  const folder = mkdtempSync(join(tmpdir(), 'tempost-haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  const stats = await freePort();
  writeFileSync(file, config(port, copies, stats));
  const child = spawn(program, ['-f', file, '-db'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  const failed: Failed[] = [];
  let requests = 0;
  eachLine(child, (line) => {
    const [, status, end, server, path] = /request (-?\d+) (\S\S) (\S+) \S+ (\S+)/.exec(line) ?? [];
    // The drill asks whether it is ready, from before it is.
    if (!status || !end || !server || server === '<STATS>' || path === '/readyz') return;
    requests++;
    // What a client gave up itself begins with C.
    const isFailed = Number(status) >= 500 || (Number(status) < 0 && !end.startsWith('C'));
    if (isFailed) failed.push({ service, status: Number(status), end, server });
  });
  const states = async () => {
    const text = await (await fetch(`http://127.0.0.1:${stats}/;csv`)).text();
    const rows = text.split('\n').map((line) => line.split(','));
    return rows.filter(([name, server]) => name === 'service' && server?.startsWith('copy')).map((row) => row[17]);
  };
  return {
    failed,
    requests: () => requests,
    async allUp() {
      const giveUpAt = Date.now() + ROTATION_MS;
      for (;;) {
        const now = await states().catch(() => []);
        if (now.length > 0 && now.every((state) => state?.startsWith('UP'))) return;
        if (Date.now() > giveUpAt) throw new Error(`${service} is not in rotation: ${now.join(', ')}`);
        await delay(200);
      }
    },
    async close() {
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function eachLine(child: ChildProcess, tell: (line: string) => void): void {
  let rest = '';
  child.stdout!.setEncoding('utf8').on('data', (piece: string) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop()!;
    for (const line of lines) tell(line);
  });
}

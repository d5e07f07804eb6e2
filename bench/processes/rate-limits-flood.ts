/**
 * The flood of `bench/rate-limits.ts`, as a process: reads one line of JSON with `keys` and `ports`, says `begun`, asks from
 * two requests at a time of each key and port until its input ends, and prints what was admitted.
 */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export interface Flooded {
  /** By key, in the order given. */
  readonly admitted: readonly number[];
  readonly requests: number;
}

export const agent = new Agent({ keepAlive: true, maxSockets: 400 });

/** Asks for a short list. @returns the status of the answer, 0 where there was none. */
export const ask = (port: number, key: string): Promise<number> =>
  new Promise((resolve) => {
    const call = request(
      { agent, port, host: '127.0.0.1', path: '/api/suppressions', headers: { Authorization: `Bearer ${key}` } },
      (response) => response.resume().on('end', () => resolve(response.statusCode!)),
    );
    call.on('error', () => resolve(0));
    call.end();
  });

async function flood(): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  const [line] = (await once(lines, 'line')) as [string];
  const { keys, ports } = JSON.parse(line) as { keys: string[]; ports: number[] };
  let over = false;
  lines.once('close', () => {
    over = true;
  });
  const admitted = keys.map(() => 0);
  let requests = 0;
  process.stdout.write('begun\n');
  const one = async (index: number, port: number) => {
    while (!over) {
      const status = await ask(port, keys[index]!);
      requests++;
      if (status === 200) admitted[index]!++;
      // As an impatient client does: refused, it comes again at once, almost.
      else await delay(status === 0 ? 50 : 10);
    }
  };
  await Promise.all(keys.flatMap((_, index) => ports.flatMap((port) => [one(index, port), one(index, port)])));
  process.stdout.write(`${JSON.stringify({ admitted, requests } satisfies Flooded)}\n`);
  agent.destroy();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await flood();

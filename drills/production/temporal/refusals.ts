import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stackEnvironment } from '../../../test/support/stack-environment.js';
import type { World } from '../../world.js';

const DIST = fileURLToPath(new URL('../../../dist/src/', import.meta.url));
const ENDS_WITHIN_MS = 120_000;

/** Processes of ours that cannot be let in, and what each has to say. */
const STRANGERS: readonly {
  readonly who: string;
  readonly command: readonly string[];
  readonly lacks: readonly string[];
  readonly says: RegExp;
}[] = [
  {
    who: 'a dispatcher without a certificate',
    command: ['dispatcher/main.js'],
    lacks: ['TEMPORAL_TLS_CERT_FILE', 'TEMPORAL_TLS_KEY_FILE'],
    says: /asks for a client certificate: set TEMPORAL_TLS_CERT_FILE and TEMPORAL_TLS_KEY_FILE/,
  },
  {
    who: 'a worker that trusts no authority of it',
    command: ['worker/main.js', '--priority', 'low'],
    lacks: ['TEMPORAL_TLS_CA_FILE'],
    says: /an authority that TEMPORAL_TLS_CA_FILE does not hold/,
  },
  {
    who: 'a worker without TLS',
    command: ['worker/main.js', '--priority', 'low'],
    lacks: ['TEMPORAL_TLS_CA_FILE', 'TEMPORAL_TLS_CERT_FILE', 'TEMPORAL_TLS_KEY_FILE', 'TEMPORAL_TLS_SERVER_NAME'],
    says: /if it speaks TLS only, set TEMPORAL_TLS_CA_FILE/,
  },
];

/** Starts processes of ours that the cluster refuses. @returns which did not end saying why. */
export async function refusals(world: World, notes: string[]): Promise<string[]> {
  const { stack, databaseUrl, temporalAddress, serversEnv } = world;
  const env = stackEnvironment(stack, { databaseUrl, temporalAddress, env: serversEnv });
  const faults: string[] = [];
  for (const { who, command, lacks, says } of STRANGERS) {
    const known = Object.fromEntries(Object.entries(env).filter(([name]) => !lacks.includes(name)));
    const { code, said } = await ended(command, known);
    if (code === 1 && says.test(said)) notes.push(`${who} ended with 1: ${says.exec(said)![0]}`);
    else faults.push(`${who} ended with ${code}, and said: ${said.trim().split('\n').at(-1)?.slice(0, 500)}`);
  }
  return faults;
}

async function ended([script, ...args]: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [join(DIST, script!), ...args], { env, timeout: ENDS_WITHIN_MS });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, said };
}

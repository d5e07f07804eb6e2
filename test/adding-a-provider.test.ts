import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { patient } from './support/patience.js';
import { Stack } from './support/stack.js';
import { createTestNamespace, type TestNamespace } from './support/temporal.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(join(root, 'docs/adding-a-provider.md'), 'utf8');
const env = { PIGEON_API_KEY: 'pigeon-key', PIGEON_API_URL: '', PIGEON_WEBHOOK_SECRET: 'pigeon-secret' };

/** The page's files by their paths below `src/providers`. */
const files = [...page.matchAll(/^`(pigeon\/[\w/.-]+)`:\n\n```ts\n([\s\S]*?)```$/gm)].map(
  ([, path, text]) => [path!, text!] as const,
);
const [, line] = /^In `src\/providers\/index\.ts`:\n\n```ts\n([\s\S]*?)```$/m.exec(page) ?? [];
const [, variables] = /^Each variable goes into `\.env\.example`[^`]*```sh\n([\s\S]*?)```$/m.exec(page) ?? [];

/** Copies the project, and follows the page there. @returns the copy's folder. */
function followThePage(): string {
  const copy = mkdtempSync(join(tmpdir(), 'tempost-provider-'));
  for (const name of COPIED) cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const [path, text] of files) {
    const target = join(copy, 'src/providers', path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
  appendFileSync(join(copy, 'src/providers/index.ts'), line!);
  appendFileSync(join(copy, '.env.example'), variables!);
  return copy;
}

const COPIED = [
  ...[
    'src',
    'client',
    'console',
    'sandbox',
    'migrations',
    'scripts',
    'bench',
    'test/support',
    'package.json',
    'package-lock.json',
  ],
  ...[
    'tsconfig.json',
    'tsconfig.build.json',
    'tsconfig.client.json',
    'biome.json',
    '.dependency-cruiser.cjs',
    '.dependency-cruiser.built.cjs',
  ],
  '.env.example',
];

/** Pigeon's side: takes every message, and knows what it has taken. */
class Pigeon {
  readonly taken: { id: string; reference: string; to: string }[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      if (request.headers.authorization !== `Bearer ${env.PIGEON_API_KEY}`) return void response.writeHead(401).end();
      if (request.method !== 'POST') return void response.end('[]');
      const message = JSON.parse(await textOf(request)) as { reference: string; to: string };
      const id = `pigeon-${this.taken.length + 1}`;
      this.taken.push({ id, ...message });
      response.writeHead(202).end(JSON.stringify({ id }));
    });
  }

  async start(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Posts a webhook as Pigeon does. @returns the status of the answer. */
  async tell(url: string, events: object[], secret = env.PIGEON_WEBHOOK_SECRET): Promise<number> {
    const body = JSON.stringify(events);
    const signature = createHmac('sha256', secret).update(body).digest('hex');
    return (await fetch(url, { method: 'POST', body, headers: { 'pigeon-signature': signature } })).status;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}

/** Runs a script in the copy. */
const run = (script: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { cwd: copy, encoding: 'utf8' });
  return { status, said: stdout + stderr };
};

const pigeon = new Pigeon();
let copy: string;
let built: ReturnType<typeof run>;
let database: TestDatabase;
let temporal: TestNamespace;
let stack: Stack;

beforeAll(async () => {
  copy = followThePage();
  built = run('scripts/build.mjs');
  if (built.status !== 0) return;
  [database, temporal] = await Promise.all([createTestDatabase(), createTestNamespace()]);
  env.PIGEON_API_URL = await pigeon.start();
  const { address, namespace } = temporal;
  stack = await Stack.start({
    databaseUrl: database.url,
    temporalAddress: address,
    namespace,
    dist: join(copy, 'dist'),
    env: { ...env, PROVIDERS: 'pigeon' },
  });
}, patient(300_000));
afterAll(async () => {
  await stack?.stop();
  await temporal?.drop();
  await database?.drop();
  pigeon.stop();
  rmSync(copy, { recursive: true, force: true });
});

describe('docs/adding-a-provider.md, followed step by step', { timeout: patient(120_000) }, () => {
  it('is one folder and one line, and is built as it stands', () => {
    expect(files.map(([path]) => path)).toEqual([
      ...['pigeon/settings.ts', 'pigeon/index.ts', 'pigeon/taxonomy.ts', 'pigeon/adapter.ts'],
      ...['pigeon/webhook/format.ts', 'pigeon/webhook/events.ts'],
    ]);
    expect(line!.trim().split('\n')).toHaveLength(1);
    expect(built, built.said).toMatchObject({ status: 0 });
  });

  it('keeps the rules of imports and of style, and writes down each of its variables', () => {
    const cruiser = 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs';
    // The copy's packages are a link to ours.
    const rules = (config: string, folder: string) => run(cruiser, '--preserve-symlinks', '--config', config, folder);
    expect(rules('.dependency-cruiser.cjs', 'src')).toMatchObject({ status: 0 });
    expect(rules('.dependency-cruiser.built.cjs', 'dist/src')).toMatchObject({ status: 0 });
    expect(run('node_modules/@biomejs/biome/bin/biome', 'check', 'src/providers/pigeon')).toMatchObject({ status: 0 });
    for (const name of Object.keys(env)) expect(variables).toContain(`# ${name}=`);
  });

  it('sends an e-mail by the new provider, whose webhook takes it to its status', async () => {
    const id = await stack.submit({ receiver: 'reader@example.org' });
    const sent = await stack.reaches(id, ['sent']);
    expect(pigeon.taken).toMatchObject([{ to: 'reader@example.org', reference: `${id}.1.1` }]);
    expect(sent).toMatchObject({ provider: 'pigeon', attempts: [{ provider: 'pigeon', state: 'accepted' }] });

    const arrived = { id: 'event-1', event: 'arrived', at: Date.now() / 1000, ...pigeon.taken[0], message: 'pigeon-1' };
    const url = `${stack.webhooks}/webhooks/pigeon`;
    expect(await pigeon.tell(url, [arrived], 'another secret')).toBe(401);
    expect(await pigeon.tell(url, [{ ...arrived, id: 'event-1' }])).toBe(200);
    expect(await pigeon.tell(url, [{ ...arrived, id: 'event-1' }])).toBe(200);
    const { events } = await stack.reaches(id, ['delivered']);
    expect(events.filter(({ type }) => type === 'delivered')).toMatchObject([{ provider: 'pigeon' }]);
    expect(pigeon.taken).toHaveLength(1);
  });

  it('is a provider that operators see and switch', async () => {
    const url = `${stack.api}/api/admin/providers`;
    const headers = { authorization: `Bearer ${stack.key}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ enabled: false, reason: 'no feathers' });
    expect((await fetch(`${url}/pigeon`, { method: 'PATCH', headers, body })).status).toBe(200);
    const { providers } = (await (await fetch(url, { headers })).json()) as { providers: object[] };
    expect(providers).toContainEqual(expect.objectContaining({ provider: 'pigeon', configured: true, enabled: false }));
  });
});

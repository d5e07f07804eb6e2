// `npm run check:api`: schemathesis makes requests out of our own description and sends them to a running api, with a
// database of its own. Nothing may be answered that is not described, and nothing with a 5xx. Installs schemathesis into
// a folder that goes again; where pip cannot fetch it, that is said and nothing is checked. SCHEMATHESIS names one that
// is there; what else is given goes to it.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startApi } from '../src/api/server.js';
import { freePort } from '../src/dev/ports.js';
import { removePostgresHome, startPostgres } from '../src/dev/postgres/server.js';
import { apiConfig } from '../test/support/measured/api-config.js';
import { root } from './dist.mjs';

const VERSION = '4.32.5';
const KEY = 'check-api-key-of-a-database-that-goes-again';
/** For each operation and kind of case; about four times as many are made in all. */
const EXAMPLES = 15;
const SEED = 20261129;
/**
 * Not among them: whether everything that the schemas allow is taken, because they cannot say all that we ask for (an
 * address is a text, to them), and whether what they do not allow is refused, because an unknown query parameter of a
 * request without any is ignored.
 */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'ignored_auth',
  'missing_required_header',
].join(',');

const folder = mkdtempSync(join(tmpdir(), 'tempost-check-api-'));
chmodSync(folder, 0o711); // As root PostgreSQL runs as another user, who must be able to pass.
const home = join(folder, 'postgres');
try {
  const schemathesis = process.env.SCHEMATHESIS || install();
  if (schemathesis) process.exitCode = await check(schemathesis);
  else process.stdout.write(`api: SKIPPED, schemathesis ${VERSION} is not here and pip cannot fetch it\n`);
} finally {
  removePostgresHome(home);
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}

/** @returns the program, or undefined when it cannot be had. */
function install(): string | undefined {
  const venv = join(folder, 'venv');
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `schemathesis==${VERSION}`];
  const done =
    spawnSync('python3', ['-m', 'venv', venv], { stdio: 'ignore' }).status === 0 &&
    spawnSync(join(venv, 'bin', 'python'), pip, { stdio: 'ignore', timeout: 300_000 }).status === 0;
  return done ? join(venv, 'bin', 'schemathesis') : undefined;
}

/** @returns the exit code of schemathesis. */
async function check(schemathesis: string): Promise<number> {
  const postgres = await startPostgres({ home, port: await freePort() });
  try {
    const migrate = join(root, 'src/postgres/migrate-main.ts');
    const env = { ...process.env, NODE_OPTIONS: '', DATABASE_URL: postgres.url };
    const migrated = spawnSync(process.execPath, ['--import', 'tsx', migrate], { cwd: root, env });
    if (migrated.status !== 0) throw new Error(`The database could not be migrated: ${migrated.stderr}`);
    const api = await startApi(apiConfig(postgres.url, { bootstrapApiKey: KEY }), pino({ level: 'silent' }));
    try {
      const url = `http://127.0.0.1:${api.port}`;
      await nameWhatIsThere(url);
      return await run(schemathesis, `${url}/openapi.json`);
    } finally {
      await api.stop();
    }
  } finally {
    await postgres.stop();
  }
}

/** Invented ids lead to 404s only: an e-mail and a client that there are go into the configuration. */
async function nameWhatIsThere(url: string): Promise<void> {
  const headers = { Authorization: `Bearer ${KEY}` };
  const form = new FormData();
  const fields = { sender: 'a@example.com', receiver: 'b@example.org', subject: 'A subject', content: 'A text.' };
  for (const [name, text] of Object.entries(fields)) form.append(name, text);
  const email = await made(await fetch(`${url}/api/send`, { method: 'POST', headers, body: form }));
  const json = { ...headers, 'Content-Type': 'application/json' };
  const client = await made(
    await fetch(`${url}/api/clients`, { method: 'POST', headers: json, body: JSON.stringify({ name: 'a client' }) }),
  );
  const known = [
    ['/api/email/', email],
    ['/api/clients/', client],
  ].map(([path, id]) => `[[operations]]\ninclude-path-regex = "^${path}"\nparameters = { "path.id" = "${id}" }\n`);
  writeFileSync(join(folder, 'schemathesis.toml'), known.join('\n'));
}

async function made(response: Response): Promise<string> {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  return ((await response.json()) as { id: string }).id;
}

function run(schemathesis: string, url: string): Promise<number> {
  const options = [`--max-examples=${EXAMPLES}`, `--seed=${SEED}`, `--checks=${CHECKS}`, '--generation-database=none'];
  const auth = ['--header', `Authorization: Bearer ${KEY}`];
  const args = ['run', url, ...auth, ...options, ...process.argv.slice(2)];
  // In its own folder: it writes beside itself what it has found.
  const child = spawn(schemathesis, args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

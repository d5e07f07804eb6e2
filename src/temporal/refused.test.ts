import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../config.js';
import { createLogger } from '../process/log.js';
import { connectTemporal } from './connection.js';
import { refused } from './refused.js';

const MAKE = fileURLToPath(new URL('../../deploy/temporal/certificates.sh', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tempost-tls-'));
const other = mkdtempSync(join(tmpdir(), 'tempost-tls-'));
const ends: (() => unknown)[] = [];

async function listen(server: Server): Promise<string> {
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

const NEEDED = {
  ...{ DATABASE_URL: 'postgres://127.0.0.1/none', PROVIDERS: 'smtp', SMTP_URL: 'smtp://127.0.0.1' },
  STORAGE_DIR: folder,
};

/** What a process of ours says that is told these variables. */
async function saidBy(address: string, env: Record<string, string>): Promise<string> {
  const config = loadConfig({ ...NEEDED, TEMPORAL_ADDRESS: address, ...env });
  return connectTemporal({ temporal: config.temporal }, createLogger('test', 'silent')).then(
    () => 'connected',
    (error: Error) => error.message,
  );
}

const whole = {
  TEMPORAL_TLS_CA_FILE: join(folder, 'ca.crt'),
  TEMPORAL_TLS_CERT_FILE: join(folder, 'client.crt'),
  TEMPORAL_TLS_KEY_FILE: join(folder, 'client.key'),
  TEMPORAL_TLS_SERVER_NAME: 'temporal',
};
const { TEMPORAL_TLS_CERT_FILE: _, TEMPORAL_TLS_KEY_FILE: __, ...withoutCertificate } = whole;
const { TEMPORAL_TLS_SERVER_NAME: ___, ...withoutName } = whole;

describe.skipIf(spawnSync('openssl', ['version']).status !== 0)('a Temporal that asks for certificates', () => {
  let address: string;
  beforeAll(async () => {
    for (const each of [folder, other]) execFileSync(MAKE, [each]);
    const file = (name: string) => readFileSync(join(folder, name));
    const ours = { key: file('node.key'), cert: file('node.crt'), ca: file('ca.crt') };
    const mutual = { ...ours, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['h2'] };
    address = await listen(createTlsServer(mutual, (socket) => socket.on('error', () => {}).destroy()));
  });
  afterAll(() => {
    for (const end of ends.reverse()) end();
    for (const each of [folder, other]) rmSync(each, { recursive: true });
  });

  it.each([
    ['no certificate', withoutCertificate, /asks for a client certificate: set TEMPORAL_TLS_CERT_FILE/],
    [
      'a certificate of another authority',
      {
        ...whole,
        TEMPORAL_TLS_CERT_FILE: join(other, 'client.crt'),
        TEMPORAL_TLS_KEY_FILE: join(other, 'client.key'),
      },
      /not take the certificate of TEMPORAL_TLS_CERT_FILE/,
    ],
    [
      'trust in another authority',
      { ...whole, TEMPORAL_TLS_CA_FILE: join(other, 'ca.crt') },
      /an authority that TEMPORAL_TLS_CA_FILE does not hold/,
    ],
    ['no name', withoutName, /for another name .*: set TEMPORAL_TLS_SERVER_NAME/],
    [
      'another key',
      { ...whole, TEMPORAL_TLS_KEY_FILE: join(folder, 'node.key') },
      /TEMPORAL_TLS_KEY_FILE is not the key/,
    ],
    ['what is no key', { ...whole, TEMPORAL_TLS_KEY_FILE: join(folder, 'ca.srl') }, /is not PEM/],
    ['no TLS at all', {}, /if it speaks TLS only, set TEMPORAL_TLS_CA_FILE/],
    [
      'a file that is not there',
      { ...whole, TEMPORAL_TLS_CERT_FILE: join(folder, 'none.crt') },
      /TEMPORAL_TLS_CERT_FILE cannot be read: ENOENT/,
    ],
  ])('says what to set for who comes with %s', async (_what, env, sentence) => {
    expect(await saidBy(address, env)).toMatch(sentence);
  });

  // Which of these is seen depends on how soon it closes after its alert.
  it.each([
    'hyper::Error(Io, Custom { kind: InvalidData, error: "received fatal alert: CertificateRequired" })',
    'hyper::Error(Io, Custom { kind: BrokenPipe, error: "stream closed because of a broken pipe" })',
    'hyper::Error(Canceled, "connection closed")',
    'hyper::Error(Canceled, "connection was not ready")',
  ])('says what to set also where all that is left is %s', (words) => {
    const { temporal } = loadConfig({ ...NEEDED, TEMPORAL_ADDRESS: 'temporal:7233', ...withoutCertificate });
    const message = words.includes('Canceled') ? 'operation was canceled' : 'transport error';
    const said = new Error(`message: "${message}", source: tonic::transport::Error(Transport, ${words})`);
    expect((refused(said, { temporal }) as Error).message).toMatch(/asks for a client certificate: set TEMPORAL_TLS_/);
  });

  it('has its certificates made anew of the same authority', () => {
    const made = () => ['ca.crt', 'node.crt', 'client.pem'].map((name) => readFileSync(join(other, name), 'utf8'));
    const [authority, ...before] = made();
    execFileSync(MAKE, [other, '30']);
    const [same, ...after] = made();
    expect(same).toBe(authority);
    for (const [n, certificate] of before.entries()) expect(after[n]).not.toBe(certificate);
  });

  it('is told from one that speaks no TLS, and from nobody', async () => {
    const plain = await listen(
      createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end('HTTP/1.1 400 Bad\r\n\r\n'))),
    );
    expect(await saidBy(plain, whole)).toMatch(/it does not speak TLS: take TEMPORAL_TLS_\* /);
    for (const env of [whole, {}]) expect(await saidBy('127.0.0.1:1', env)).toMatch(/Connection refused/);
  });
});

import { join } from 'node:path';
import { freePort } from '../../src/dev/ports.js';
import { until } from '../../test/support/until.js';
import { type Child, startChild } from '../harness/child.js';
import { Submitter } from '../harness/submit.js';
import type { World } from '../harness/world.js';
import { countOpened, submitAll } from './ours.js';
import { IN_FLIGHT, TIME_SCALE, type Variant } from './variant.js';

const KEY = 'bench-peer-key-0123456789';
const PATIENCE_MS = 30 * 60_000;

/** The same e-mails on graphile-worker, without Temporal: the api and the rows are ours, the jobs are its. */
export async function startPeer(world: World): Promise<Variant> {
  const url = await world.createDatabase('peer');
  const ports = { api: await freePort(), webhooks: await freePort(), sandbox: await freePort() };
  const env = environmentOf(world, url, ports);
  const start = async (name: string, script: string, ready?: string) => {
    const logFile = join(world.folder, `${name}.log`);
    // Processes of the product say nothing to a parent; they answer when they are ready.
    const child = await (ready
      ? startAnswering({ script, env, logFile }, ready)
      : startChild({ script, env, logFile }));
    return world.own(child, (it) => it.stop());
  };
  const worker = await start('peer-worker', 'bench/processes/peer-worker.js');
  const database = await world.connect(url);
  await database.query(JOB_FOR_EACH);
  const sandbox = await start('peer-sandbox', 'sandbox/main.js', `http://127.0.0.1:${ports.sandbox}/healthz`);
  const webhooks = await start('peer-webhooks', 'bench/processes/peer-webhooks.js');
  const api = await start('peer-api', 'src/api/main.js', `http://127.0.0.1:${ports.api}/readyz`);
  const submitter = world.own(new Submitter(`http://127.0.0.1:${ports.api}`, KEY), (it) => it.close());
  return {
    name: 'peer (graphile-worker)',
    pids: { api: api.pid, worker: worker.pid, webhooks: webhooks.pid, sandbox: sandbox.pid, ...world.pids },
    database: 'peer',
    async round(emails) {
      const opened = await countOpened(database);
      await submitAll(submitter, emails);
      await until('all are opened', async () => (await opened()) === emails, PATIENCE_MS);
    },
  };
}

/** A job in the transaction that accepts; and no word for workflows that do not exist. */
const JOB_FOR_EACH = `
  create function add_send_job() returns trigger language plpgsql as $$
    begin perform graphile_worker.add_job('send', json_build_object('email_id', new.email_id)); return null; end $$;
  create trigger add_send_job after insert on email_queue for each row execute function add_send_job();
  create function no_signal() returns trigger language plpgsql as $$ begin return null; end $$;
  create trigger no_signal before insert on pending_signals for each row execute function no_signal();`;

async function startAnswering(options: Parameters<typeof startChild>[0], url: string): Promise<Child> {
  const child = await startChild({ ...options, waitForMessage: false });
  await until(`${url} answers`, async () => (await fetch(url)).ok, 30_000);
  return child;
}

function environmentOf(world: World, url: string, ports: { api: number; webhooks: number; sandbox: number }) {
  const sandbox = `http://127.0.0.1:${ports.sandbox}`;
  const webhooks = `http://127.0.0.1:${ports.webhooks}`;
  return {
    DATABASE_URL: url,
    TEMPORAL_ADDRESS: world.temporalAddress,
    API_PORT: String(ports.api),
    WEBHOOKS_PORT: String(ports.webhooks),
    PROVIDERS: 'mailgun',
    MAILGUN_API_KEY: 'sandbox-mailgun-key',
    MAILGUN_DOMAIN: 'mail.example.com',
    MAILGUN_API_URL: sandbox,
    MAILGUN_WEBHOOK_SIGNING_KEY: 'sandbox-signing-key',
    MAILGUN_WEBHOOK_URL: `${webhooks}/webhooks/mailgun`,
    MANDRILL_API_KEY: 'unused',
    MANDRILL_WEBHOOK_KEY: 'unused',
    STORAGE: 'file',
    STORAGE_DIR: join(world.folder, 'peer-storage'),
    BOOTSTRAP_API_KEY: KEY,
    SANDBOX_PORT: String(ports.sandbox),
    INBOX_PORT: '0',
    INBOX_SMTP_PORT: '0',
    SANDBOX_DIR: join(world.folder, 'peer-sandbox'),
    SANDBOX_INBOX: 'off',
    SANDBOX_TIME_SCALE: String(TIME_SCALE),
    IN_FLIGHT: String(IN_FLIGHT),
    LOG_LEVEL: 'info',
  };
}

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PRIORITIES } from '../priority.js';
import { bootstrapApiKey, sandboxSecrets } from './secrets.js';
import type { Env, Settings } from './settings.js';

/** A process of ours, as `node <script> <args>`. */
export interface PlannedProcess {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  /** Where it answers `GET /metrics`, `/healthz` and `/readyz`; undefined: nowhere. */
  readonly metricsPort?: number;
}

/** `dist/`, where this file is compiled to. */
const dist = fileURLToPath(new URL('../..', import.meta.url));

export const workerName = (priority: string) => `worker-${priority}`;

/** The processes of a run, in the order of their start. */
export function planProcesses(settings: Settings): PlannedProcess[] {
  const service = (name: string): PlannedProcess => ({ name, script: join(dist, 'src', name, 'main.js'), args: [] });
  const workers = PRIORITIES.map((priority) => ({
    ...service('worker'),
    name: workerName(priority),
    args: ['--priority', priority],
  }));
  const sandbox = { name: 'sandbox', script: join(dist, 'sandbox', 'main.js'), args: [] };
  const services = [
    service('webhooks'),
    ...workers,
    service('dispatcher'),
    service('api'), // Last: what it accepts is sent at once.
  ];
  return [...(settings.sandbox ? [sandbox] : []), ...services.map((planned) => measured(planned, settings))];
}

/** On one machine each needs a port of its own: the dispatcher's is `METRICS_PORT`, and the others' follow it. */
const METRICS_ORDER = ['dispatcher', 'api', 'webhooks', ...PRIORITIES.map(workerName)];

const measured = (planned: PlannedProcess, { ports }: Settings): PlannedProcess => ({
  ...planned,
  metricsPort: ports.metrics + METRICS_ORDER.indexOf(planned.name),
});

/** The order of an end: first what takes mail in, then what works on it, last what remembers. */
export const STOP_ORDER: readonly (readonly string[])[] = [
  ['api'],
  ['webhooks'],
  ['dispatcher'],
  PRIORITIES.map(workerName),
  ['sandbox'],
  ['temporal'],
  ['postgres'],
];

/**
 * The environment of every process: the user's, and for what the user did not choose the embedded servers, the
 * sandbox and keys of our own.
 *
 * @param databaseUrl of the embedded PostgreSQL.
 */
export function childEnvironment(settings: Settings, databaseUrl: string): Env {
  const { env, ports, dataDir } = settings;
  return {
    ...(settings.ownPostgres ? { DATABASE_URL: databaseUrl, DISK_DIRECTORY: dataDir } : {}),
    ...(settings.ownTemporal ? temporalEnvironment(settings) : {}),
    ...(env.STORAGE === 'gcs' ? {} : { STORAGE_DIR: join(dataDir, 'attachments') }),
    METRICS_PORT: String(ports.metrics),
    BOOTSTRAP_API_KEY: env.BOOTSTRAP_API_KEY ?? bootstrapApiKey(dataDir),
    ...(settings.sandbox ? sandboxEnvironment(settings) : {}),
    ...env,
  };
}

const temporalEnvironment = ({ ports }: Settings): Env => ({
  TEMPORAL_ADDRESS: `127.0.0.1:${ports.temporal}`,
  TEMPORAL_UI_URL: `http://127.0.0.1:${ports.temporalUi}`,
});

function sandboxEnvironment({ env, ports, dataDir }: Settings): Env {
  const sandbox = `http://127.0.0.1:${ports.sandbox}`;
  const webhooks = `http://127.0.0.1:${env.WEBHOOKS_PORT ?? 3001}/webhooks`;
  return {
    ...sandboxSecrets(dataDir),
    MAILGUN_DOMAIN: 'mail.example.com',
    MAILGUN_API_URL: sandbox,
    MAILGUN_WEBHOOK_URL: `${webhooks}/mailgun`,
    MANDRILL_API_URL: sandbox,
    MANDRILL_WEBHOOK_URL: `${webhooks}/mandrill`,
    SMTP_URL: `smtp://127.0.0.1:${ports.inboxSmtp}`,
    SANDBOX_PORT: String(ports.sandbox),
    SANDBOX_DIR: join(dataDir, 'sandbox'),
    INBOX_PORT: String(ports.inbox),
    INBOX_SMTP_PORT: String(ports.inboxSmtp),
  };
}

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isAddressBlock } from './address-blocks.js';
import { buildId, days, optionalText, secret, url } from './environment.js';
import { faultsOfOpenId, openIdSettings, openIdVariables } from './open-id-settings.js';
import { type PerPriority, perPriority } from './priority.js';
import type { ProviderDefinition } from './providers/definition.js';
import {
  isProviderName,
  PROVIDER_NAMES,
  PROVIDERS,
  type ProviderName,
  type ProviderSettings,
} from './providers/registry.js';

export { PROVIDER_NAMES, type ProviderName } from './providers/registry.js';

const port = (fallback: number) => z.coerce.number().int().min(1).max(65_535).default(fallback);
const seconds = (fallback: number) => z.coerce.number().positive().default(fallback);
const count = (fallback: number) => z.coerce.number().int().positive().default(fallback);

/** Every variable but the providers' own, with its default. Variables ending in `_S` are seconds. */
const ownSchema = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  DATABASE_POOL_SIZE: count(10),
  ASYNC_REPLICATION: z.enum(['refuse', 'allow']).default('refuse'),
  TEMPORAL_ADDRESS: z.string().min(1).default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  TEMPORAL_UI_URL: optionalText,
  TEMPORAL_API_KEY: secret,
  TEMPORAL_TLS_CA_FILE: optionalText,
  TEMPORAL_TLS_CERT_FILE: optionalText,
  TEMPORAL_TLS_KEY_FILE: optionalText,
  TEMPORAL_TLS_SERVER_NAME: optionalText,
  WORKER_BUILD_ID: buildId.optional(),
  HOST: z.string().min(1).default('127.0.0.1'),
  API_PORT: port(3000),
  WEBHOOKS_PORT: port(3001),
  METRICS_PORT: z.coerce.number().int().min(1).max(65_535).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: url.optional(),
  PUBLIC_URL: url.optional(),
  PROVIDERS: z.string().default('mailgun,mandrill'),
  MESSAGE_ID_DOMAIN: optionalText,
  STORAGE: z.enum(['gcs', 'file']).default('file'),
  GCS_BUCKET: optionalText,
  STORAGE_EMULATOR_HOST: url.optional(),
  STORAGE_DIR: optionalText,
  BOOTSTRAP_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{16,512}$/, 'must be 16 to 512 printable ASCII characters without spaces')
    .optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  DEADLINE_CRITICAL_S: seconds(15),
  DEADLINE_MEDIUM_S: seconds(15 * 60),
  DEADLINE_LOW_S: seconds(60 * 60),
  SERVICE_LEVEL_TARGET: z.coerce.number().min(0).max(100).default(99.9),
  LIFETIME_CRITICAL_S: seconds(60 * 60),
  LIFETIME_MEDIUM_S: seconds(6 * 60 * 60),
  LIFETIME_LOW_S: seconds(24 * 60 * 60),
  CALL_TIMEOUT_CRITICAL_S: seconds(5),
  CALL_TIMEOUT_MEDIUM_S: seconds(30),
  CALL_TIMEOUT_LOW_S: seconds(30),
  CALL_TIMEOUT_PER_MB_S: seconds(2),
  AMBIGUOUS_WAIT_LOW_S: seconds(45 * 60),
  BACKOFF_INITIAL_S: seconds(2),
  BACKOFF_MAX_S: seconds(5 * 60),
  IN_FLIGHT_CRITICAL: count(50),
  IN_FLIGHT_MEDIUM: count(30),
  IN_FLIGHT_LOW: count(15),
  DELIVERY_TIMEOUT_S: seconds(24 * 60 * 60),
  OPEN_WINDOW_S: seconds(24 * 60 * 60),
  SWEEP_INTERVAL_S: seconds(5),
  SWEEP_AFTER_S: seconds(60),
  DRAIN_S: z.coerce.number().min(0).max(600).default(0),
  SHUTDOWN_GRACE_S: seconds(80),
  TRUSTED_PROXIES: z.string().optional(),
  DISK_CAPACITY_GB: z.coerce.number().positive().optional(),
  DISK_DIRECTORY: optionalText,
  RETENTION_CONTENT_DAYS: days.optional(),
  RETENTION_RECORD_DAYS: days.optional(),
  RETENTION_WEBHOOKS_DAYS: days.default(90),
  RETENTION_AUDIT_DAYS: days.default(400),
  NOTICE_SENDER: z.email().optional(),
  NOTICES_PER_HOUR: count(5),
  ...openIdVariables,
});

type OwnEnvironment = z.infer<typeof ownSchema>;

/** Every environment variable. `.env.example` documents each; a test keeps the two in step. */
export const environmentSchema = z.object({
  ...ownSchema.shape,
  ...(Object.assign({}, ...PROVIDERS.map(({ variables }) => variables)) as ProviderDefinition['variables']),
});

/** All faults of the environment at once; its message is ready to print. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly faults: readonly string[]) {
    super(`The configuration is not valid:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
  }
}

/** Milliseconds in a number of seconds. */
const ms = (value: number) => Math.round(value * 1000);

/**
 * Validates the environment and shapes it for the code; every duration comes out in milliseconds.
 *
 * @throws ConfigError naming every missing or wrong variable.
 */
export function loadConfig(env: Record<string, string | undefined> = process.env) {
  // An empty variable is an unset one: `FOO= npm start` and empty lines in .env files mean "default".
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = environmentSchema.safeParse(given);
  const providers = parseProviders(given.PROVIDERS ?? 'mailgun,mandrill');
  const faults = [
    ...(parsed.error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`),
    ...providers.faults,
    ...missingVariables(given, providers.names),
    ...faultsOfProxies(given.TRUSTED_PROXIES),
    ...faultsOfOpenId(given),
  ];
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults);
  return shape(ownSchema.parse(given), providers.names, parsed.data);
}

export type Config = ReturnType<typeof loadConfig>;

const listOf = (text = '') =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const faultsOfProxies = (text?: string) =>
  listOf(text)
    .filter((item) => !isAddressBlock(item))
    .map((item) => `TRUSTED_PROXIES: "${item}" is neither an IP address nor a block such as 10.0.0.0/8`);

function parseProviders(list: string): { names: ProviderName[]; faults: string[] } {
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !isProviderName(name));
  const faults = unknown.map((name) => `PROVIDERS: unknown provider "${name}" (known: ${PROVIDER_NAMES.join(', ')})`);
  if (new Set(names).size !== names.length) faults.push('PROVIDERS: a provider is listed twice');
  return { names: names as ProviderName[], faults };
}

/** What a choice makes necessary: a provider its keys, a store its place. */
function missingVariables(env: Record<string, string | undefined>, providers: readonly ProviderName[]): string[] {
  const needed: [variable: string, because: string][] = [];
  const need = (because: string, ...variables: string[]) => {
    for (const variable of variables) needed.push([variable, because]);
  };
  for (const { name, required } of PROVIDERS) {
    if (providers.includes(name)) need(`PROVIDERS names ${name}`, ...required);
  }
  if (env.STORAGE === 'gcs') need('STORAGE is gcs', 'GCS_BUCKET');
  else need('STORAGE is file', 'STORAGE_DIR');
  if (env.TEMPORAL_TLS_CERT_FILE) need('TEMPORAL_TLS_CERT_FILE is set', 'TEMPORAL_TLS_KEY_FILE');
  if (env.TEMPORAL_TLS_KEY_FILE) need('TEMPORAL_TLS_KEY_FILE is set', 'TEMPORAL_TLS_CERT_FILE');
  return needed
    .filter(([variable]) => !env[variable])
    .map(([variable, because]) => `${variable}: required, because ${because}`);
}

/** @param values every variable, the providers' own among them. */
function shape(env: OwnEnvironment, providers: readonly ProviderName[], values: Readonly<Record<string, unknown>>) {
  const publicUrl = (env.PUBLIC_URL ?? `http://127.0.0.1:${env.WEBHOOKS_PORT}`).replace(/\/+$/, '');
  const providerSettings = settingsOfProviders(values, publicUrl);
  const messageIdDomain = env.MESSAGE_ID_DOMAIN ?? domainOfProviders(providerSettings) ?? new URL(publicUrl).hostname;
  return {
    database: { url: env.DATABASE_URL, poolSize: env.DATABASE_POOL_SIZE, asyncReplication: env.ASYNC_REPLICATION },
    temporal: {
      address: env.TEMPORAL_ADDRESS,
      namespace: env.TEMPORAL_NAMESPACE,
      /** Where people look at workflows; undefined: the console names them, and links to nothing. */
      uiUrl: env.TEMPORAL_UI_URL,
      apiKey: env.TEMPORAL_API_KEY,
      /** The build of this process's workers; undefined: any of them continues any workflow. */
      workerBuildId: env.WORKER_BUILD_ID,
      tls: {
        caFile: env.TEMPORAL_TLS_CA_FILE,
        certFile: env.TEMPORAL_TLS_CERT_FILE,
        keyFile: env.TEMPORAL_TLS_KEY_FILE,
        serverName: env.TEMPORAL_TLS_SERVER_NAME,
      },
    },
    host: env.HOST,
    apiPort: env.API_PORT,
    webhooksPort: env.WEBHOOKS_PORT,
    /** Where the process answers `GET /metrics`, `/healthz` and `/readyz`; undefined: nowhere. */
    metricsPort: env.METRICS_PORT,
    /** Whether there is a collector for traces; OpenTelemetry reads by itself where, and how to reach it. */
    traces: env.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined,
    /** Where receivers and providers reach the webhooks service; no slash at the end. */
    publicUrl,
    /** In the order in which they are tried. */
    providers,
    providerSettings,
    /** The right-hand side of our Message-IDs. */
    messageIdDomain,
    /** Who tells senders that their mail has finally failed, and how often in an hour before it becomes a digest. */
    notices: { sender: env.NOTICE_SENDER ?? `postmaster@${messageIdDomain}`, perHour: env.NOTICES_PER_HOUR },
    storage: {
      kind: env.STORAGE,
      bucket: env.GCS_BUCKET ?? '',
      emulatorUrl: env.STORAGE_EMULATOR_HOST,
      directory: env.STORAGE_DIR ?? '',
    },
    bootstrapApiKey: env.BOOTSTRAP_API_KEY,
    /** What PostgreSQL's disk holds: as somebody says, or as a folder on it tells. */
    disk: {
      capacityBytes: env.DISK_CAPACITY_GB === undefined ? null : env.DISK_CAPACITY_GB * 1e9,
      directory: env.DISK_DIRECTORY ?? null,
    },
    /** For how many days data are kept. */
    retention: {
      /** Of e-mails; a client may have its own. Null: for good. */
      emails: { content: env.RETENTION_CONTENT_DAYS ?? null, record: env.RETENTION_RECORD_DAYS ?? null },
      /** Webhooks that match no e-mail. */
      webhooksDays: env.RETENTION_WEBHOOKS_DAYS,
      auditDays: env.RETENTION_AUDIT_DAYS,
    },
    /** Addresses and CIDR blocks of proxies whose `X-Forwarded-For` is believed; none: nobody's. */
    trustedProxies: listOf(env.TRUSTED_PROXIES),
    /** How people sign in to the console at an identity provider; null: they do not. */
    openId: openIdSettings(env),
    logLevel: env.LOG_LEVEL,
    ...sending(env),
  };
}

/** Service levels, waits and limits of sending. */
function sending(env: OwnEnvironment) {
  const perPrioritySeconds = (name: 'DEADLINE' | 'LIFETIME' | 'CALL_TIMEOUT'): PerPriority<number> =>
    perPriority((priority) => ms(env[`${name}_${priority.toUpperCase() as 'CRITICAL' | 'MEDIUM' | 'LOW'}_S`]));
  return {
    /** Acceptance (or the scheduled time) to hand-over. */
    deadlineMs: perPrioritySeconds('DEADLINE'),
    /** How many e-mails of a hundred are to be handed over by their deadline: what attainment is held against. */
    serviceLevelTarget: env.SERVICE_LEVEL_TARGET,
    /** Acceptance (or the scheduled time) to giving up. */
    lifetimeMs: perPrioritySeconds('LIFETIME'),
    /** The longest one call to a provider may take; afterwards its outcome is unknown. */
    callTimeoutMs: perPrioritySeconds('CALL_TIMEOUT'),
    /** How much longer it may take for each MB of attachment and content. */
    callTimeoutPerMbMs: ms(env.CALL_TIMEOUT_PER_MB_S),
    /** How long a low e-mail waits for evidence of an ambiguous attempt before it is sent again. */
    ambiguousWaitLowMs: ms(env.AMBIGUOUS_WAIT_LOW_S),
    backoff: { initialMs: ms(env.BACKOFF_INITIAL_S), maxMs: ms(env.BACKOFF_MAX_S) },
    /** How many e-mails may be in flight, over all processes. */
    inFlightLimit: { critical: env.IN_FLIGHT_CRITICAL, medium: env.IN_FLIGHT_MEDIUM, low: env.IN_FLIGHT_LOW },
    /** Hand-over to "nothing was heard": the workflow stops waiting for a delivery. */
    deliveryTimeoutMs: ms(env.DELIVERY_TIMEOUT_S),
    /** Delivery to the end of the workflow; later opens are recorded without it. */
    openWindowMs: ms(env.OPEN_WINDOW_S),
    sweep: { intervalMs: ms(env.SWEEP_INTERVAL_S), afterMs: ms(env.SWEEP_AFTER_S) },
    /** How long api and webhooks go on taking requests once they are told to stop, and say that they are not ready. */
    drainMs: ms(env.DRAIN_S),
    /** How long a worker that is told to stop lets running sends finish. */
    shutdownGraceMs: ms(env.SHUTDOWN_GRACE_S),
  };
}

/** The settings of every provider, as its definition shapes them; those of one that is not chosen may be empty. */
function settingsOfProviders(values: Readonly<Record<string, unknown>>, publicUrl: string): ProviderSettings {
  const settings = PROVIDERS.map((definition) => [definition.name, definition.settings(values, { publicUrl })]);
  return Object.fromEntries(settings) as ProviderSettings;
}

/** The first domain that a provider's settings name. */
function domainOfProviders(settings: ProviderSettings): string | undefined {
  return PROVIDERS.map(({ name, messageIdDomain }) => messageIdDomain?.(settings[name])).find(Boolean);
}

/**
 * Reads the TLS files named in the configuration; undefined when TLS is off.
 *
 * @throws Error naming the variable of a file that cannot be read.
 */
export function temporalTls(config: Pick<Config, 'temporal'>) {
  const { caFile, certFile, keyFile, serverName } = config.temporal.tls;
  if (!caFile && !certFile && !serverName) return config.temporal.apiKey ? true : undefined;
  const read = (variable: string, path: string) => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw new Error(`${variable} cannot be read: ${(error as Error).message}`);
    }
  };
  return {
    serverNameOverride: serverName,
    serverRootCACertificate: caFile ? read('TEMPORAL_TLS_CA_FILE', caFile) : undefined,
    clientCertPair:
      certFile && keyFile
        ? { crt: read('TEMPORAL_TLS_CERT_FILE', certFile), key: read('TEMPORAL_TLS_KEY_FILE', keyFile) }
        : undefined,
  };
}

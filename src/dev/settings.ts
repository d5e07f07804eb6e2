import { mkdirSync, realpathSync } from 'node:fs';
import { z } from 'zod';
import { type Config, ConfigError, loadConfig } from '../config.js';
import { PROVIDERS } from '../providers/registry.js';

const port = (fallback: number) => z.coerce.number().int().min(1).max(65_535).default(fallback);
const text = z.string().min(1).optional();

/** What only `npm start` and `npm run demo` read, besides `src/config.ts`. `.env.example` documents each. */
export const devEnvironmentSchema = z.object({
  DATA_DIR: z.string().min(1).default('.data'),
  POSTGRES_PORT: port(5433),
  TEMPORAL_PORT: port(7233),
  TEMPORAL_UI_PORT: port(8233),
  TEMPORAL_CLI_PATH: text,
  SANDBOX_PORT: port(3002),
  INBOX_PORT: port(1080),
  INBOX_SMTP_PORT: port(1025),
  // Five more follow it, one for each process.
  METRICS_PORT: z.coerce.number().int().min(1).max(65_530).default(9464),
  SANDBOX_DIR: text,
  SANDBOX_INBOX: z.enum(['on', 'off']).default('on'),
  SANDBOX_TIME_SCALE: z.coerce.number().positive().optional(),
});

export type Env = Readonly<Record<string, string | undefined>>;

/** Any of these says: mail goes to a real provider, or to a stand-in of the user's own. */
const ACCOUNT_VARIABLES = PROVIDERS.flatMap(({ account }) => account);

/** What `npm start` is to run, and where. */
export interface Settings {
  /** Absolute; exists. */
  readonly dataDir: string;
  readonly ports: {
    readonly postgres: number;
    readonly temporal: number;
    readonly temporalUi: number;
    readonly sandbox: number;
    readonly inbox: number;
    readonly inboxSmtp: number;
    readonly metrics: number;
  };
  readonly ownPostgres: boolean;
  readonly ownTemporal: boolean;
  readonly sandbox: boolean;
  /** The sandbox's inbox with its page. */
  readonly inbox: boolean;
  readonly env: Env;
}

/** Reads `.env` of the current folder, if there is one; what is set already stays. */
export function loadEnvFile(): void {
  try {
    process.loadEnvFile('.env');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** @throws ConfigError naming every wrong variable. */
export function loadSettings(environment: NodeJS.ProcessEnv): Settings {
  // An empty variable is an unset one, as in `src/config.ts`.
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = devEnvironmentSchema.safeParse(env);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new ConfigError([...faults, ...otherFaults(env)]);
  }
  const values = parsed.data;
  mkdirSync(values.DATA_DIR, { recursive: true });
  const sandbox = ACCOUNT_VARIABLES.every((name) => env[name] === undefined);
  return {
    dataDir: realpathSync(values.DATA_DIR),
    ports: {
      postgres: values.POSTGRES_PORT,
      temporal: values.TEMPORAL_PORT,
      temporalUi: values.TEMPORAL_UI_PORT,
      sandbox: values.SANDBOX_PORT,
      inbox: values.INBOX_PORT,
      inboxSmtp: values.INBOX_SMTP_PORT,
      metrics: values.METRICS_PORT,
    },
    ownPostgres: env.DATABASE_URL === undefined,
    ownTemporal: env.TEMPORAL_ADDRESS === undefined,
    sandbox,
    inbox: sandbox && values.SANDBOX_INBOX === 'on',
    env,
  };
}

/** What else is wrong with what the user has set; what is missing is not known yet. */
function otherFaults(env: Env): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.filter((fault) => env[fault.split(':')[0] as string] !== undefined);
  }
}

/** A port we are going to listen on, and the variable that chooses it. */
interface PortUse {
  readonly variable: string;
  readonly port: number;
  readonly host: string;
  readonly what: string;
}

/** Every port of this run. */
export function portsOf(settings: Settings, config: Config): PortUse[] {
  const { ports } = settings;
  const local = (variable: string, port: number, what: string): PortUse => ({
    variable,
    port,
    host: '127.0.0.1',
    what,
  });
  return [
    { variable: 'API_PORT', port: config.apiPort, host: config.host, what: 'the API' },
    { variable: 'WEBHOOKS_PORT', port: config.webhooksPort, host: config.host, what: 'the webhooks service' },
    { variable: 'METRICS_PORT', port: ports.metrics, host: config.host, what: 'the metrics' },
    ...(settings.ownPostgres ? [local('POSTGRES_PORT', ports.postgres, 'PostgreSQL')] : []),
    ...(settings.ownTemporal
      ? [
          local('TEMPORAL_PORT', ports.temporal, 'Temporal'),
          local('TEMPORAL_UI_PORT', ports.temporalUi, "Temporal's Web UI"),
        ]
      : []),
    ...(settings.sandbox ? [local('SANDBOX_PORT', ports.sandbox, 'the provider sandbox')] : []),
    ...(settings.inbox
      ? [
          local('INBOX_PORT', ports.inbox, 'the inbox page'),
          local('INBOX_SMTP_PORT', ports.inboxSmtp, "the inbox's SMTP server"),
        ]
      : []),
  ];
}

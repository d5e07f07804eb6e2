import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sandboxEnvironmentSchema } from '../sandbox/config.js';
import { ConfigError, environmentSchema, loadConfig } from './config.js';
import { devEnvironmentSchema } from './dev/settings.js';

/** The least a process needs. */
const MINIMAL = {
  DATABASE_URL: 'postgres://tempost@127.0.0.1/tempost',
  STORAGE_DIR: '/tmp/attachments',
  PROVIDERS: 'smtp',
  SMTP_URL: 'smtp://127.0.0.1:1025',
};

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

const variablesOf = (faults: readonly string[]) => faults.map((fault) => fault.split(':')[0]).sort();

describe('loadConfig', () => {
  it('reports every fault at once, each with its variable', () => {
    const faults = faultsOf({
      ...{
        API_PORT: '70000',
        PROVIDERS: 'mailgun,pigeon',
        LOG_LEVEL: 'loud',
        DEADLINE_LOW_S: '-1',
        PUBLIC_URL: 'ftp://x',
      },
      ...{ BOOTSTRAP_API_KEY: 'short', STORAGE: 'gcs', TEMPORAL_TLS_CERT_FILE: 'cert.pem' },
    });
    expect(variablesOf(faults)).toEqual([
      ...['API_PORT', 'BOOTSTRAP_API_KEY', 'DATABASE_URL', 'DEADLINE_LOW_S', 'GCS_BUCKET', 'LOG_LEVEL'],
      ...['MAILGUN_API_KEY', 'MAILGUN_DOMAIN', 'MAILGUN_WEBHOOK_SIGNING_KEY', 'PROVIDERS', 'PUBLIC_URL'],
      'TEMPORAL_TLS_KEY_FILE',
    ]);
  });

  it('asks only for what the chosen providers and the chosen store need', () => {
    expect(faultsOf(MINIMAL)).toEqual([]);
    expect(variablesOf(faultsOf({ ...MINIMAL, PROVIDERS: 'smtp,mandrill' }))).toEqual([
      'MANDRILL_API_KEY',
      'MANDRILL_WEBHOOK_KEY',
    ]);
    expect(variablesOf(faultsOf({ ...MINIMAL, STORAGE: 'gcs' }))).toEqual(['GCS_BUCKET']);
  });

  it.each([
    'sixteen characters and spaces',
    ' leading-space-and-long-enough',
    'trailing-newline-long-enough\n',
    'umlauts-könnten-nie-passen',
    'a-zero-width-\u200b-space-in-it',
    'x'.repeat(513),
  ])('refuses the bootstrap key %j, which no Bearer header could carry', (key) => {
    expect(faultsOf({ ...MINIMAL, BOOTSTRAP_API_KEY: key })).toEqual([
      'BOOTSTRAP_API_KEY: must be 16 to 512 printable ASCII characters without spaces',
    ]);
  });

  it.each([
    'MAILGUN_API_KEY',
    'MAILGUN_WEBHOOK_SIGNING_KEY',
    'MANDRILL_API_KEY',
    'MANDRILL_WEBHOOK_KEY',
    'TEMPORAL_API_KEY',
  ])('refuses a %s with the line break of its file', (name) => {
    expect(variablesOf(faultsOf({ ...MINIMAL, [name]: 'key-0123456789\n' }))).toEqual([name]);
    expect(faultsOf({ ...MINIMAL, [name]: 'key-0123456789' })).toEqual([]);
  });

  it('refuses a provider that is listed twice', () => {
    expect(faultsOf({ ...MINIMAL, PROVIDERS: 'smtp,smtp' })).toEqual(['PROVIDERS: a provider is listed twice']);
  });

  it('takes an empty variable as one that is not set', () => {
    expect(loadConfig({ ...MINIMAL, API_PORT: '', LOG_LEVEL: '' })).toEqual(loadConfig(MINIMAL));
  });

  it('hands out durations in milliseconds, and addresses without a slash at the end', () => {
    const config = loadConfig({ ...MINIMAL, DEADLINE_CRITICAL_S: '0.5', PUBLIC_URL: 'https://mail.example.com/' });
    expect(config.deadlineMs).toEqual({ critical: 500, medium: 900_000, low: 3_600_000 });
    expect(config.publicUrl).toBe('https://mail.example.com');
  });
});

describe('.env.example', () => {
  const lines = readFileSync(new URL('../.env.example', import.meta.url), 'utf8').split('\n');
  const documented = new Map(
    lines.flatMap((line) => {
      const [, name, value] = /^# ([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, value as string] as const];
    }),
  );
  const schemas = { ...environmentSchema.shape, ...devEnvironmentSchema.shape, ...sandboxEnvironmentSchema.shape };

  it('names every variable that is read, and no other', () => {
    expect([...documented.keys()].sort()).toEqual(Object.keys(schemas).sort());
  });

  it('shows every default as it is', () => {
    const wrong = Object.entries(schemas).flatMap(([name, schema]) => {
      const parsed = schema.safeParse(undefined);
      const fallback = parsed.success && parsed.data !== undefined ? String(parsed.data) : undefined;
      const shown = documented.get(name);
      return fallback === undefined || shown === '' || shown === fallback ? [] : [`${name}: ${shown}, not ${fallback}`];
    });
    expect(wrong).toEqual([]);
  });
});

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../config.js';
import { childEnvironment, planProcesses, STOP_ORDER } from './plan.js';
import { loadSettings, portsOf } from './settings.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tempost-plan-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const EMBEDDED = 'postgres://tempost:secret@127.0.0.1:5433/tempost';
const settingsOf = (env: Record<string, string> = {}) => loadSettings({ DATA_DIR: folder, ...env });
const environmentOf = (env: Record<string, string> = {}) => childEnvironment(settingsOf(env), EMBEDDED);
const namesOf = (env: Record<string, string> = {}) => planProcesses(settingsOf(env)).map(({ name }) => name);

describe('without any settings', () => {
  it('runs every process, one worker for each priority, and the sandbox', () => {
    expect(namesOf().sort()).toEqual(
      ['api', 'dispatcher', 'sandbox', 'webhooks', 'worker-critical', 'worker-low', 'worker-medium'].sort(),
    );
  });

  it('gives the processes an environment that is valid as it is', () => {
    const config = loadConfig(environmentOf());
    expect(config.database.url).toBe(EMBEDDED);
    expect(config.temporal.address).toBe('127.0.0.1:7233');
    expect(config.providers).toEqual(['mailgun', 'mandrill']);
    expect(config.providerSettings.mailgun.apiUrl).toBe('http://127.0.0.1:3002');
    expect(config.storage).toMatchObject({ kind: 'file', directory: join(settingsOf().dataDir, 'attachments') });
  });

  it('keeps the keys it has made, readable by their owner only', () => {
    expect(environmentOf()).toEqual(environmentOf());
    for (const file of ['bootstrap-api-key', 'sandbox-secrets.json']) {
      expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    }
    expect(readFileSync(join(folder, 'bootstrap-api-key'), 'utf8').trim()).toBe(environmentOf().BOOTSTRAP_API_KEY);
  });
});

it('uses the servers it is given, and starts none of its own', () => {
  const given = { DATABASE_URL: 'postgres://db.example.com/mail', TEMPORAL_ADDRESS: 'temporal.example.com:7233' };
  const settings = settingsOf(given);
  expect([settings.ownPostgres, settings.ownTemporal]).toEqual([false, false]);
  expect(environmentOf(given)).toMatchObject(given);
  const variables = portsOf(settings, loadConfig(environmentOf(given))).map(({ variable }) => variable);
  expect(variables).not.toContain('POSTGRES_PORT');
  expect(variables).not.toContain('TEMPORAL_PORT');
});

it('leaves the sandbox out as soon as mail has somewhere else to go, and makes up no keys then', () => {
  const given = { PROVIDERS: 'smtp', SMTP_URL: 'smtp://mail.example.com' };
  expect(namesOf(given)).not.toContain('sandbox');
  expect(environmentOf(given).MAILGUN_API_KEY).toBeUndefined();
  expect(loadConfig(environmentOf(given)).providerSettings.smtp.url).toBe('smtp://mail.example.com');
});

it('never overrules what the user has set', () => {
  const given = {
    BOOTSTRAP_API_KEY: 'a-key-of-my-own-making',
    MAILGUN_DOMAIN: 'mine.example.com',
    STORAGE_DIR: folder,
  };
  expect(environmentOf(given)).toMatchObject(given);
});

it('ends every process it starts, what takes mail in first and what remembers last', () => {
  const order = STOP_ORDER.flat();
  expect([...order].sort()).toEqual([...namesOf(), 'postgres', 'temporal'].sort());
  expect([order[0], ...order.slice(-2)]).toEqual(['api', 'temporal', 'postgres']);
});

it('names every wrong variable at once, those of the processes included', () => {
  const env = { POSTGRES_PORT: '99999', API_PORT: 'x', SANDBOX_INBOX: 'perhaps' };
  const faults = (() => {
    try {
      settingsOf(env);
    } catch (error) {
      if (error instanceof ConfigError) return error.faults;
    }
    return [];
  })();
  expect(faults.map((fault) => fault.split(':')[0]).sort()).toEqual(['API_PORT', 'POSTGRES_PORT', 'SANDBOX_INBOX']);
});

import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../config.js';
import { SHIPPED_STATUSES } from '../domain/emails/statuses.js';
import { createProviders } from './adapters.js';
import * as listed from './index.js';
import { canBeAsked, isProviderName, PROVIDER_NAMES, PROVIDERS } from './registry.js';

/** Folders beside the providers' own. */
const SHARED = ['calls', 'webhook-format'];
const folders = readdirSync(new URL('.', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !SHARED.includes(entry.name))
  .map(({ name }) => name);

/** Types of ours that are no status. */
const NO_STATUS = ['unsubscribed', 'stored'];

const given = {
  DATABASE_URL: 'postgres://localhost/tempost',
  STORAGE_DIR: 'unused',
  PROVIDERS: PROVIDER_NAMES.join(','),
  ...Object.fromEntries(PROVIDERS.flatMap(({ required }) => required.map((name) => [name, 'given-to-it']))),
  SMTP_URL: 'smtp://127.0.0.1:1',
};

describe('the list of providers', () => {
  it('has every folder once, under its own name', () => {
    expect(Object.keys(listed).sort()).toEqual(folders.sort());
    for (const [name, definition] of Object.entries(listed)) expect(definition.name).toBe(name);
  });

  it('gives no variable to two', () => {
    const names = PROVIDERS.flatMap(({ variables }) => Object.keys(variables));
    expect(new Set(names).size).toBe(names.length);
  });

  it('knows its names and no other', () => {
    expect(PROVIDER_NAMES.every(isProviderName)).toBe(true);
    expect([undefined, '', 'pigeon', 'toString', '__proto__'].filter(isProviderName)).toEqual([]);
    expect(canBeAsked('one that was removed')).toBe(false);
  });
});

describe.each(PROVIDERS.map((definition) => [definition.name, definition] as const))('%s', (name, definition) => {
  it('needs variables of its own, and says by some of them that there is an account', () => {
    const own = Object.keys(definition.variables);
    expect(own).toEqual(expect.arrayContaining([...definition.required, ...definition.account]));
    expect(definition.account.length).toBeGreaterThan(0);
    const fault = `required, because PROVIDERS names ${name}`;
    for (const variable of definition.required) {
      expect(() => loadConfig({ ...given, [variable]: undefined })).toThrow(`${variable}: ${fault}`);
    }
  });

  it('can be looked up exactly if its adapter can', async () => {
    const provider = (await createProviders(loadConfig(given))).get(name)!;
    expect(canBeAsked(name)).toBe(provider.lookUp !== undefined);
    expect(provider.lookUpWindow !== undefined).toBe(typeof definition.lookUps === 'object');
  });

  it('tells of nothing but statuses that exist, and of what has a name of ours', async () => {
    const format = await definition.loadWebhook?.();
    const hasFolder = ['webhook', 'webhook.ts'].some((it) => existsSync(new URL(`./${name}/${it}`, import.meta.url)));
    expect(format !== undefined).toBe(hasFolder);
    const unknown = Object.values(format?.eventTypes ?? {}).filter(
      (type) => !SHIPPED_STATUSES.has(type) && !NO_STATUS.includes(type),
    );
    expect(unknown).toEqual([]);
  });
});

import { expect, test } from 'vitest';
import { loadConfig } from '../config.js';
import { createProviders } from './adapters.js';

test('the providers are those that are configured, in the order in which they are tried', async () => {
  const config = loadConfig({
    DATABASE_URL: 'postgres://localhost/tempost',
    STORAGE_DIR: 'unused',
    PROVIDERS: 'smtp,mailgun',
    SMTP_URL: 'smtp://mail.example.com',
    MAILGUN_API_KEY: 'key',
    MAILGUN_DOMAIN: 'mail.example.com',
    MAILGUN_WEBHOOK_SIGNING_KEY: 'key',
  });
  const providers = await createProviders(config);
  expect([...providers.keys()]).toEqual(['smtp', 'mailgun']);
  for (const [name, provider] of providers) expect(provider.name).toBe(name);
});

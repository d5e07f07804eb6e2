import { join } from 'node:path';
import type { Instance, ProcessName } from './stack/processes.js';
import type { Stack, StackOptions } from './stack.js';

/**
 * What the processes of a stack are told: its addresses, the sandbox in the place of the providers, and its own folder.
 *
 * @param name of one process, to which `envOf` may tell more; without it, what all of them are told.
 */
export function stackEnvironment(
  stack: Stack,
  options: StackOptions,
  name?: ProcessName,
  instance: string | undefined = name,
): NodeJS.ProcessEnv {
  const { ports } = stack;
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    DATABASE_URL: options.databaseUrl,
    TEMPORAL_ADDRESS: options.temporalAddress,
    TEMPORAL_NAMESPACE: options.namespace ?? 'default',
    API_PORT: String(ports.api),
    WEBHOOKS_PORT: String(ports.webhooks),
    PROVIDERS: 'mailgun,mandrill',
    MAILGUN_API_KEY: 'sandbox-mailgun-key',
    MAILGUN_DOMAIN: 'mail.example.com',
    MAILGUN_API_URL: stack.sandbox,
    MAILGUN_WEBHOOK_SIGNING_KEY: 'sandbox-signing-key',
    MAILGUN_WEBHOOK_URL: `${stack.webhooks}/webhooks/mailgun`,
    MANDRILL_API_KEY: 'sandbox-mandrill-key',
    MANDRILL_API_URL: stack.sandbox,
    MANDRILL_WEBHOOK_KEY: 'sandbox-webhook-key',
    MANDRILL_WEBHOOK_URL: `${stack.webhooks}/webhooks/mandrill`,
    STORAGE: 'file',
    STORAGE_DIR: join(stack.directory, 'storage'),
    BOOTSTRAP_API_KEY: stack.key,
    SANDBOX_PORT: String(ports.sandbox),
    INBOX_PORT: String(ports.inbox),
    INBOX_SMTP_PORT: String(ports.smtp),
    SANDBOX_DIR: join(stack.directory, 'sandbox'),
    SANDBOX_INBOX: options.inbox ? 'on' : 'off',
    SANDBOX_TIME_SCALE: '0.005',
    ...options.env,
    ...(name && options.envOf?.[name]),
    ...options.envOf?.[instance as Instance],
  };
}

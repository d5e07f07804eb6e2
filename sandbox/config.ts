import { z } from 'zod';

/** 0 takes a free one. */
const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);
const onOff = (fallback: 'on' | 'off') => z.enum(['on', 'off']).default(fallback);
const secret = z.string().min(1);
const url = z.url({ protocol: /^https?$/ });

/** Every variable the sandbox reads. */
export const sandboxEnvironmentSchema = z.object({
  SANDBOX_PORT: port(3002),
  INBOX_PORT: port(1080),
  INBOX_SMTP_PORT: port(1025),
  /** Journal, acceptance log, raw messages and the inbox's mails. */
  SANDBOX_DIR: z.string().min(1),
  /** `off` for load tests: messages count as delivered without being written or sent. */
  SANDBOX_INBOX: onOff('on'),
  /** Every delay of the real providers is multiplied with this: at 1/60 their minute is our second. */
  SANDBOX_TIME_SCALE: z.coerce
    .number()
    .positive()
    .default(1 / 60),
  MAILGUN_API_KEY: secret,
  MAILGUN_DOMAIN: secret,
  MAILGUN_WEBHOOK_SIGNING_KEY: secret,
  MAILGUN_WEBHOOK_URL: url.optional(),
  /** Mailgun sends webhooks for "accepted" only where they are asked for. */
  SANDBOX_MAILGUN_ACCEPTED_WEBHOOK: onOff('off'),
  MANDRILL_API_KEY: secret,
  MANDRILL_WEBHOOK_KEY: secret,
  MANDRILL_WEBHOOK_URL: url.optional(),
  /** Mandrill refuses more searches than about this many a minute. */
  SANDBOX_MANDRILL_SEARCHES_PER_MINUTE: z.coerce.number().int().positive().default(20),
});

/** How a sandbox is set up; a port of 0 takes a free one. */
export interface SandboxOptions {
  readonly port: number;
  readonly inbox: boolean;
  readonly inboxPort: number;
  readonly inboxSmtpPort: number;
  readonly dir: string;
  readonly timeScale: number;
  readonly mailgun: {
    readonly apiKey: string;
    readonly domain: string;
    readonly signingKey: string;
    readonly webhookUrl: string | null;
    readonly acceptedWebhook: boolean;
  };
  readonly mandrill: {
    readonly apiKey: string;
    readonly webhookKey: string;
    readonly webhookUrl: string | null;
    readonly searchesPerMinute: number;
  };
}

/**
 * Reads the sandbox's settings from the environment.
 *
 * @throws Error listing every missing or wrong variable, ready to print.
 */
export function loadSandboxOptions(env: Record<string, string | undefined> = process.env): SandboxOptions {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = sandboxEnvironmentSchema.safeParse(given);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `  - ${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`The sandbox's configuration is not valid:\n${faults.join('\n')}`);
  }
  const values = parsed.data;
  return {
    port: values.SANDBOX_PORT,
    inbox: values.SANDBOX_INBOX === 'on',
    inboxPort: values.INBOX_PORT,
    inboxSmtpPort: values.INBOX_SMTP_PORT,
    dir: values.SANDBOX_DIR,
    timeScale: values.SANDBOX_TIME_SCALE,
    mailgun: {
      apiKey: values.MAILGUN_API_KEY,
      domain: values.MAILGUN_DOMAIN,
      signingKey: values.MAILGUN_WEBHOOK_SIGNING_KEY,
      webhookUrl: values.MAILGUN_WEBHOOK_URL ?? null,
      acceptedWebhook: values.SANDBOX_MAILGUN_ACCEPTED_WEBHOOK === 'on',
    },
    mandrill: {
      apiKey: values.MANDRILL_API_KEY,
      webhookKey: values.MANDRILL_WEBHOOK_KEY,
      webhookUrl: values.MANDRILL_WEBHOOK_URL ?? null,
      searchesPerMinute: values.SANDBOX_MANDRILL_SEARCHES_PER_MINUTE,
    },
  };
}

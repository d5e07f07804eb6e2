import { optionalText, secret, url } from '../../environment.js';
import type { Values } from '../definition.js';

export const VARIABLES = {
  MAILGUN_API_KEY: secret,
  MAILGUN_DOMAIN: optionalText,
  MAILGUN_API_URL: url.default('https://api.mailgun.net'),
  MAILGUN_WEBHOOK_SIGNING_KEY: secret,
} as const;

export interface MailgunSettings {
  readonly apiKey: string;
  readonly domain: string;
  readonly apiUrl: string;
  readonly webhookSigningKey: string;
}

export const settingsOf = (values: Values<typeof VARIABLES>): MailgunSettings => ({
  apiKey: values.MAILGUN_API_KEY ?? '',
  domain: values.MAILGUN_DOMAIN ?? '',
  apiUrl: values.MAILGUN_API_URL,
  webhookSigningKey: values.MAILGUN_WEBHOOK_SIGNING_KEY ?? '',
});

/** Mailgun refuses a message with more tags, and longer ones. */
export const LIMITS = { tags: 10, tagLength: 128 } as const;

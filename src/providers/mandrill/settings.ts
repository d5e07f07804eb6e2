import { secret, url } from '../../environment.js';
import type { Surroundings, Values } from '../definition.js';
import type { LookUpWindow } from '../provider.js';

export const VARIABLES = {
  MANDRILL_API_KEY: secret,
  MANDRILL_API_URL: url.default('https://mandrillapp.com'),
  MANDRILL_WEBHOOK_KEY: secret,
  MANDRILL_WEBHOOK_URL: url.optional(),
} as const;

export interface MandrillSettings {
  readonly apiKey: string;
  readonly apiUrl: string;
  readonly webhookKey: string;
  /** The address registered at Mandrill: it is part of what Mandrill signs. */
  readonly webhookUrl: string;
}

export const settingsOf = (values: Values<typeof VARIABLES>, { publicUrl }: Surroundings): MandrillSettings => ({
  apiKey: values.MANDRILL_API_KEY ?? '',
  apiUrl: values.MANDRILL_API_URL,
  webhookKey: values.MANDRILL_WEBHOOK_KEY ?? '',
  webhookUrl: values.MANDRILL_WEBHOOK_URL ?? `${publicUrl}/webhooks/mandrill`,
});

/** Mandrill refuses longer tags; it takes any number of them. */
export const LIMITS = { tags: Number.POSITIVE_INFINITY, tagLength: 50 } as const;

/** Mandrill allows about 20 searches a minute: these are 15, the rest is left to operators and their tools. */
export const LOOK_UP_WINDOW: LookUpWindow = { everyMs: 4_000, size: 20 };

import { defineProvider } from '../definition.js';
import { LIMITS, settingsOf, VARIABLES } from './settings.js';

/** Mailgun (https://documentation.mailgun.com). */
export const mailgun = defineProvider({
  name: 'mailgun',
  variables: VARIABLES,
  required: ['MAILGUN_API_KEY', 'MAILGUN_DOMAIN', 'MAILGUN_WEBHOOK_SIGNING_KEY'],
  account: ['MAILGUN_API_KEY', 'MAILGUN_API_URL'],
  settings: settingsOf,
  messageIdDomain: ({ domain }) => domain || undefined,
  lookUps: 'unlimited',
  limits: LIMITS,
  loadAdapter: async (settings) => (await import('./adapter.js')).createMailgun(settings),
  loadWebhook: async () => (await import('./webhook/format.js')).mailgunWebhook,
});

import { defineProvider } from '../definition.js';
import { LIMITS, LOOK_UP_WINDOW, settingsOf, VARIABLES } from './settings.js';

/** Mailchimp Transactional, called Mandrill in its API (https://mailchimp.com/developer/transactional). */
export const mandrill = defineProvider({
  name: 'mandrill',
  variables: VARIABLES,
  required: ['MANDRILL_API_KEY', 'MANDRILL_WEBHOOK_KEY'],
  account: ['MANDRILL_API_KEY', 'MANDRILL_API_URL'],
  settings: settingsOf,
  lookUps: LOOK_UP_WINDOW,
  limits: LIMITS,
  loadAdapter: async (settings) => (await import('./adapter.js')).createMandrill(settings),
  loadWebhook: async () => (await import('./webhook/format.js')).mandrillWebhook,
});

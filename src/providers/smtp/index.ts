import { defineProvider } from '../definition.js';
import { settingsOf, VARIABLES } from './settings.js';

/** Any SMTP server (RFC 5321), for sites of one's own. It tells nothing afterwards, and knows no tags. */
export const smtp = defineProvider({
  name: 'smtp',
  variables: VARIABLES,
  required: ['SMTP_URL'],
  account: ['SMTP_URL'],
  settings: settingsOf,
  lookUps: 'none',
  limits: { tags: 0, tagLength: 0 },
  loadAdapter: async (settings) => (await import('./adapter.js')).createSmtp(settings),
});

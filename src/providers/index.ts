import type { Config, ProviderName } from '../config.js';
import { createMailgun } from './mailgun.js';
import { createMandrill } from './mandrill.js';
import type { Provider } from './provider.js';
import { createSmtp } from './smtp.js';

/** The configured providers, in the order in which they are tried. */
export function createProviders(config: Config): ReadonlyMap<ProviderName, Provider> {
  const make: Record<ProviderName, () => Provider> = {
    mailgun: () => createMailgun(config.mailgun),
    mandrill: () => createMandrill(config.mandrill),
    smtp: () => createSmtp(config.smtp),
  };
  return new Map(config.providers.map((name) => [name, make[name]()]));
}

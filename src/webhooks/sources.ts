import type { Config } from '../config.js';
import { definitionOf } from '../providers/registry.js';
import type { WebhookSource } from './receive.js';

/** The configured providers that send webhooks, each with its format loaded. */
export async function loadSources(config: Pick<Config, 'providers' | 'providerSettings'>): Promise<WebhookSource[]> {
  const sources = config.providers.map(async (provider) => {
    const format = await definitionOf(provider).loadWebhook?.();
    return format ? [{ provider, format, settings: config.providerSettings[provider] }] : [];
  });
  return (await Promise.all(sources)).flat();
}

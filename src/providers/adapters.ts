import { definitionOf, type Provider, type ProviderName, type ProviderSettings } from './registry.js';

/** The configured providers with their adapters, in the order in which they are tried. */
export async function createProviders(config: {
  readonly providers: readonly ProviderName[];
  readonly providerSettings: ProviderSettings;
}): Promise<ReadonlyMap<ProviderName, Provider>> {
  const create = async (name: ProviderName): Promise<[ProviderName, Provider]> => {
    const { lookUps, loadAdapter } = definitionOf(name);
    const adapter = await loadAdapter(config.providerSettings[name]);
    return [name, { name, ...adapter, ...(typeof lookUps === 'object' && { lookUpWindow: lookUps }) }];
  };
  return new Map(await Promise.all(config.providers.map(create)));
}

import type { ProviderDefinition } from './definition.js';
import * as listed from './index.js';
import type { Adapter, LookUpWindow } from './provider.js';

type Listed = (typeof listed)[keyof typeof listed];

/** The name of a provider in the list of `index.ts`. */
export type ProviderName = Listed['name'];

/** The settings of each provider, as its definition shapes them. */
export type ProviderSettings = {
  readonly [Definition in Listed as Definition['name']]: ReturnType<Definition['settings']>;
};

/** Every provider, in the order of their names. */
export const PROVIDERS: readonly ProviderDefinition<ProviderName>[] = Object.values(listed);

export const PROVIDER_NAMES = PROVIDERS.map(({ name }) => name) as [ProviderName, ...ProviderName[]];

const BY_NAME: ReadonlyMap<string, ProviderDefinition<ProviderName>> = new Map(
  PROVIDERS.map((definition) => [definition.name, definition]),
);

/** Whether there is a provider of this name. */
export const isProviderName = (name: string | undefined): name is ProviderName => BY_NAME.has(name ?? '');

/** Whether a provider can be asked for what it has taken; one that is not in the list any more cannot. */
export const canBeAsked = (name: string): boolean => (BY_NAME.get(name)?.lookUps ?? 'none') !== 'none';

export function definitionOf(name: ProviderName): ProviderDefinition<ProviderName> {
  return BY_NAME.get(name)!;
}

/** A provider with its adapter, ready to be called. */
export interface Provider extends Adapter {
  readonly name: ProviderName;
  /** Set where searches are limited: messages whose id is not known are looked up in such windows only. */
  readonly lookUpWindow?: LookUpWindow;
}

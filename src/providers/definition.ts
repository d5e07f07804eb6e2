import type { z } from 'zod';
import type { Adapter, LookUpWindow } from './provider.js';
import type { WebhookFormat } from './webhook-format/format.js';

/** Environment variables by name, each with its kind and default, and the text beside it in `.env.example`. */
export type Variables = Readonly<Record<string, z.ZodType>>;

/** What the variables of `V` hold once they are valid. */
export type Values<V extends Variables> = { readonly [Name in keyof V]: z.output<V[Name]> };

/** What a provider's settings may depend on besides its own variables. */
export interface Surroundings {
  /** Where providers reach the webhooks service; no slash at the end. */
  readonly publicUrl: string;
}

/**
 * Everything that Tempost has to know of a provider before it calls it or hears of it. The rest of the code asks here:
 * the configuration its variables, the worker its adapter, the webhooks service its format.
 *
 * An adapter and a format are loaded when they are first needed, so that only a worker loads what calls providers.
 */
export interface ProviderDefinition<Name extends string = string, Settings = unknown> {
  /** In `PROVIDERS`, in the record, and in the address of its webhook; never changed once an e-mail went through it. */
  readonly name: Name;
  /** Its environment variables, all of them. */
  readonly variables: Variables;
  /** Those that must be set where `PROVIDERS` names it. */
  readonly required: readonly string[];
  /** Any of these being set says that mail goes to a real account: then `npm start` starts no sandbox. */
  readonly account: readonly string[];
  /** Shapes its variables for the code. Those of a provider that is not chosen may be missing. */
  settings(values: Readonly<Record<string, unknown>>, surroundings: Surroundings): Settings;
  /** A domain that our Message-IDs may end in, where its settings name one. */
  messageIdDomain?(settings: Settings): string | undefined;
  /** How it can be asked for what it has taken: not at all, at any time, or by searches in windows only. */
  readonly lookUps: 'none' | 'unlimited' | LookUpWindow;
  readonly limits: MessageLimits;
  /** Makes what calls it. */
  loadAdapter(settings: Settings): Promise<Adapter>;
  /** How its webhooks are read, posted to `/webhooks/<name>`; left out where it sends none. */
  loadWebhook?(): Promise<WebhookFormat<Settings>>;
}

/** What it refuses in a message; the adapter leaves out what would be refused, and no message is lost for it. */
export interface MessageLimits {
  /** How many tags a message may have. */
  readonly tags: number;
  /** In characters; longer ones are left out, never cut. */
  readonly tagLength: number;
}

/** A definition as it is written: its variables' names and values are checked. */
type Written<Name extends string, V extends Variables, Settings> = ProviderDefinition<Name, Settings> & {
  readonly variables: V;
  readonly required: readonly (keyof V & string)[];
  readonly account: readonly (keyof V & string)[];
  settings(values: Values<V>, surroundings: Surroundings): Settings;
};

/** Checks a definition's types, and keeps its name and the type of its settings. */
export const defineProvider = <const Name extends string, const V extends Variables, Settings>(
  definition: Written<Name, V, Settings>,
): ProviderDefinition<Name, Settings> => definition;

import { createHash } from 'node:crypto';
import type { ProviderName } from '../../config.js';
import type { Priority } from '../../priority.js';

/** What somebody did something to. */
export type Target =
  | { readonly kind: 'queue'; readonly id: Priority }
  | { readonly kind: 'provider'; readonly id: ProviderName }
  | { readonly kind: 'client'; readonly id: string }
  | { readonly kind: 'key'; readonly id: string }
  | { readonly kind: 'email'; readonly id: string }
  | { readonly kind: 'dead_letter'; readonly id: string }
  | { readonly kind: 'hold'; readonly id: string }
  | { readonly kind: 'job'; readonly id: string }
  /** On which builds of the workers e-mails begin: there is one. */
  | { readonly kind: 'routing'; readonly id: 'workers' }
  /** Whoever has an address. */
  | { readonly kind: 'person'; readonly address: string }
  /** An entry in a client's list: whom it may send as. */
  | { readonly kind: 'sender'; readonly clientId: string; readonly sender: string }
  /** An entry in a client's list: whom it must not write to. */
  | { readonly kind: 'suppression'; readonly clientId: string; readonly address: string };

export const TARGET_KINDS = [
  'queue',
  'provider',
  'client',
  'key',
  'email',
  'dead_letter',
  'hold',
  'job',
  'routing',
  'person',
  'sender',
  'suppression',
] as const satisfies readonly Target['kind'][];

export const ROUTING = { kind: 'routing', id: 'workers' } as const satisfies Target;

/** The id of a target in the rows. An entry of a list is `<client> <entry>`, with addresses in the form of `hashed`. */
export function idOf(target: Target): string {
  if (target.kind === 'person') return hashed(target.address);
  if (target.kind === 'sender') return `${target.clientId} ${hashed(target.sender)}`;
  if (target.kind === 'suppression') return `${target.clientId} ${hashed(target.address)}`;
  return target.id;
}

/**
 * The form in which rows hold an address: its hash. The owner of an address may ask to be forgotten, while the audit
 * stays. Whoever knows the address finds the rows by its hash. A text that is no address stays as it is.
 *
 * @param text in lower case.
 */
export function hashed(text: string): string {
  if (!text.includes('@')) return text;
  return `sha256:${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}

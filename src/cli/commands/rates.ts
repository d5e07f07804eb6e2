import { UsageError } from '../api.js';
import type { Values } from '../command.js';

/** Null: no limit. */
export type Rate = { readonly rate: number; readonly burst: number } | null;

export const rateText = (rate: Rate): string => (rate ? `${rate.rate}, ${rate.burst} at once` : 'no limit');

/** What the options say of rates; those that are not given are left out. */
export function ratesOf(values: Values): Partial<Record<'send' | 'read', object | null>> {
  const send = rateOf(values.rate, values.burst, '');
  const read = rateOf(values['read-rate'], values['read-burst'], 'read-');
  return { ...(send !== undefined && { send }), ...(read !== undefined && { read }) };
}

function rateOf(rate: string | undefined, burst: string | undefined, kind: string): object | null | undefined {
  if (rate === undefined && burst !== undefined) throw new UsageError(`--${kind}burst needs --${kind}rate.`);
  if (rate === undefined) return undefined;
  if (rate === 'none') return null;
  return { rate: number(rate), ...(burst !== undefined && { burst: number(burst) }) };
}

function number(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new UsageError(`"${text}" is not a number of requests.`);
  return Number(text);
}

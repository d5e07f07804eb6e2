import { z } from 'zod';
import { PROVIDER_NAMES } from '../config.js';
import { PRIORITIES } from '../priority.js';
import { isUuid } from '../uuid.js';
import { parseAddress } from './send/addresses.js';
import { isOneLine } from './send/faults.js';

/** Fields that several requests have in common. */

/** One address, with or without a display name. */
export const address = z
  .string()
  .max(512)
  .transform((text, context) => {
    const parsed = isOneLine(text) ? parseAddress(text) : undefined;
    if (parsed) return parsed;
    context.issues.push({ code: 'custom', message: 'must be one e-mail address', input: text });
    return z.NEVER;
  })
  .meta({ description: 'Exactly one address, bare or with a display name.', examples: ['ada@example.org'] });

/** An id in a path, in lower case. */
export const uuid = z
  .string()
  .refine(isUuid)
  .toLowerCase()
  .meta({ format: 'uuid', examples: ['019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b'] });

export const providerName = z.enum(PROVIDER_NAMES);

export const priority = z.enum(PRIORITIES);

/** A page's size, in a query. */
export const pageLimit = (fallback: number, max: number) =>
  z.coerce.number().int().min(1).max(max).default(fallback).describe('At most so many on one page.');

/** A place in a list, which only we can read; the client hands it back as it got it. */
export function cursorOf(place: object): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** A cursor of our making, checked. */
export function cursor<T>(place: z.ZodType<T>) {
  return z
    .string()
    .transform((text, context): T => {
      try {
        const parsed = place.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString()));
        if (parsed.success) return parsed.data;
      } catch {
        // Not even JSON.
      }
      context.issues.push({ code: 'custom', message: 'is not a cursor of this list', input: text });
      return z.NEVER;
    })
    .describe('`next_cursor` of the page before.');
}

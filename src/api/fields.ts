import { z } from 'zod';
import { PROVIDER_NAMES } from '../config.js';
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
  });

export const providerName = z.enum(PROVIDER_NAMES);

/** A page's size, in a query. */
export const pageLimit = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback);

/** A place in a list, which only we can read; the client hands it back as it got it. */
export function cursorOf(place: object): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** A cursor of our making, checked. */
export function cursor<T>(place: z.ZodType<T>) {
  return z.string().transform((text, context): T => {
    try {
      const parsed = place.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString()));
      if (parsed.success) return parsed.data;
    } catch {
      // Not even JSON.
    }
    context.issues.push({ code: 'custom', message: 'is not a cursor of this list', input: text });
    return z.NEVER;
  });
}

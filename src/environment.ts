import { z } from 'zod';

/** Kinds of environment variables that several parts of the configuration have. */

export const url = z.url({ protocol: /^https?$/ });

export const optionalText = z.string().min(1).optional();

/** What goes into a header, or is compared with what came in one: the line break at the end of a file would never fit. */
export const secret = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII characters without spaces')
  .optional();

/** A hundred years are enough. */
export const days = z.coerce.number().int().min(1).max(36_500);

/** Of workers. Labels of metrics call those without one `none`. */
export const buildId = z
  .string()
  .regex(/^(?!none$)[\w.+-]{1,100}$/, 'must be at most 100 letters, digits and . _ + -, and not "none"');

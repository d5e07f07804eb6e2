import { z } from 'zod';

/** What answers are made of. Answers are described and tested by their schemas, not parsed again before they leave. */

/** A moment: `JSON.stringify` writes a Date as RFC 3339 in UTC with milliseconds, and so does our SQL. */
export const moment = z.custom<Date | string>().meta({
  override: { type: 'string', format: 'date-time' },
  examples: ['2026-11-29T09:30:00.000Z'],
});

/** A list. */
export const listOf = <T extends z.ZodType>(item: T) => z.array(item).readonly();

/** Bytes of a media type of their own. */
export const bytes = z.custom<Buffer | string>().meta({ override: { type: 'string' } });

/** Where a list goes on. */
export const nextCursor = z
  .string()
  .nullable()
  .describe('Hand it back as `cursor` to get the next page; null when there is none.');

/** How many there are of something. */
export const countOf = (what: string) => z.int().min(0).describe(what);

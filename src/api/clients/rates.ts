import { z } from 'zod';

const rate = z
  .object({
    rate: z.number().describe('Requests a second.'),
    burst: z.number().describe('Requests at once, when there were none for a while.'),
  })
  .nullable();

/** As it is given: by itself a rate may be used up twice at once. */
const givenRate = z
  .strictObject({
    rate: z.number().min(0.01).max(100_000).describe('Requests a second.'),
    burst: z.int().min(1).max(1_000_000).optional().describe('Requests at once. Default: those of two seconds.'),
  })
  .transform(({ rate, burst }) => ({ rate, burst: burst ?? Math.max(1, Math.ceil(2 * rate)) }))
  .nullable()
  .optional();

/** What is left out stays, or has no limit; null is no limit. */
export const givenRates = z.strictObject({ send: givenRate, read: givenRate });

export const rates = z.object({ send: rate, read: rate }).describe('Over all api processes; null: no limit.');

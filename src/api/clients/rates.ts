import { z } from 'zod';

const rate = z
  .object({
    rate: z.number().describe('Requests a second.'),
    burst: z.number().describe('Requests at once, when there were none for a while.'),
  })
  .nullable();

export const rates = z.object({ send: rate, read: rate }).describe('Over all api processes; null: no limit.');

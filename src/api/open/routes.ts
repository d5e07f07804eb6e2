import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { PIXEL_GIF, PIXEL_HEADERS, recordPixelOpen } from '../../domain/tracking/pixel.js';
import { logStep } from '../../process/life-log.js';
import { bytes } from '../routing/answers.js';
import { route } from '../routing/route.js';

/** A reader waits for the image at most this long; an open that takes longer is recorded all the same. */
const PATIENCE_MS = 2_000;

/** The workflow hears of the open from the dispatcher: the api never contacts Temporal for it. */
const recordOpen = route({
  method: 'get',
  path: '/api/email/{id}/open',
  operationId: 'recordOpen',
  summary: 'The tracking pixel',
  description: 'An image of one pixel, for anyone, whatever the id. Loading it records that the e-mail was opened.',
  tag: 'Service',
  access: 'public',
  params: { id: { schema: z.string().describe('The e-mail’s id.') } },
  answer: { status: 200, description: 'The image.', schema: bytes, mediaType: 'image/gif' },
  handle: async ({ params }, ctx, { db, catalogue, logger, pixels }) => {
    // HEAD shows nothing to anybody: scanners send it.
    if (ctx.method === 'GET') {
      const opening = pixels.run(async () => {
        const { recorded } = await recordPixelOpen(db, catalogue, params.id, logger);
        if (recorded) logStep(logger, 'opened', { emailId: params.id });
      });
      await Promise.race([opening, setTimeout(PATIENCE_MS, undefined, { ref: false })]);
    }
    ctx.set(PIXEL_HEADERS);
    return PIXEL_GIF;
  },
});

export const openRoutes = [recordOpen];

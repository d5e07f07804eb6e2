import { setTimeout } from 'node:timers/promises';
import type Router from '@koa/router';
import type { Logger } from 'pino';
import type { StatusCatalogue } from '../../domain/emails/statuses.js';
import { PIXEL_GIF, PIXEL_HEADERS, recordPixelOpen } from '../../domain/tracking/pixel.js';
import type { Db } from '../../postgres/database.js';
import { createLane } from '../../process/lane.js';
import type { ApiState } from '../authenticate.js';
import type { ApiLimits } from '../limits.js';

export interface OpenRouteOptions {
  readonly db: Db;
  readonly catalogue: StatusCatalogue;
  readonly logger: Logger;
  readonly limits: Pick<ApiLimits, 'pixelsAtOnce' | 'pixelsWaiting'>;
}

/** A reader waits for the image at most this long; an open that takes longer is recorded all the same. */
const PATIENCE_MS = 2_000;

/**
 * `GET /api/email/{id}/open`: the tracking pixel, for anyone, whatever the id. The workflow hears of the open from the
 * dispatcher: the api never contacts Temporal.
 */
export function addOpenRoutes(router: Router<ApiState>, options: OpenRouteOptions): void {
  const { db, catalogue, logger, limits } = options;
  const lane = createLane(limits.pixelsAtOnce, limits.pixelsWaiting);
  router.get('/api/email/:id/open', async (ctx) => {
    // HEAD shows nothing to anybody: scanners send it.
    if (ctx.method === 'GET') {
      const recorded = lane.run(() => recordPixelOpen(db, catalogue, ctx.params.id ?? '', logger));
      await Promise.race([recorded, setTimeout(PATIENCE_MS, undefined, { ref: false })]);
    }
    ctx.set(PIXEL_HEADERS);
    ctx.body = PIXEL_GIF;
  });
}

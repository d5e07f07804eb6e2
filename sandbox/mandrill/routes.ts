import Router from '@koa/router';
import type { Box } from '../box.js';
import { arrival, readingBody } from '../calls.js';
import { messageInfo, searchMessages } from './look-up.js';
import { sendMessage, withKey } from './send.js';
import { mandrillVoice } from './voice.js';

/** Mandrill's API, as far as it concerns sending and looking up. */
export function mandrillRoutes(box: Box): Router {
  const router = new Router({ prefix: '/api/1.0' });
  const arrives = arrival(box, 'mandrill', mandrillVoice);
  const key = withKey(box);
  router.post('/messages/send.json', arrives, readingBody(box, 'mandrill'), key, sendMessage(box));
  router.post('/messages/search.json', arrives, key, searchMessages(box));
  router.post('/messages/info.json', arrives, key, messageInfo(box));
  router.post('/users/ping2.json', arrives, key, (ctx) => {
    ctx.body = { PING: 'PONG!' };
  });
  return router;
}

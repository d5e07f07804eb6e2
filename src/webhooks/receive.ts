import type { Middleware } from 'koa';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { Db } from '../db/database.js';
import type { StatusCatalogue } from '../db/statuses.js';
import { Problem } from '../http/problem.js';
import { isForm, readBody, readForm } from './body.js';
import { normaliseMailgun, parseMailgunForm, parseMailgunJson, refuseMailgun } from './mailgun.js';
import { isFromMandrill, parseMandrill, requireMandrillEvents } from './mandrill.js';
import type { Signaller } from './signaller.js';
import { PartlyStoredError, type Stored, storeMailgunEvent, storeMandrillBatch } from './store.js';

/** Mailgun sends one event a request: a few kilobytes, more when a legacy form attaches the bounced message. */
const MAX_MAILGUN_BYTES = 1024 * 1024;
/** Mandrill sends up to 1,000 events: about 3 KB each as JSON, twice that as a form. */
const MAX_MANDRILL_BYTES = 16 * 1024 * 1024;

export interface WebhookDependencies {
  readonly config: Pick<Config, 'providers' | 'mailgun' | 'mandrill'>;
  readonly db: Db;
  /** The statuses, read once when the database can be reached. */
  readonly catalogue: () => Promise<StatusCatalogue>;
  readonly tell: Signaller['tell'];
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** Answers once the event is committed; workflows are told afterwards. */
export function receiveMailgun(dependencies: WebhookDependencies): Middleware {
  const { config, db, catalogue } = dependencies;
  return async (ctx) => {
    const body = await readBody(ctx.req, MAX_MAILGUN_BYTES);
    const mediaType = ctx.get('content-type');
    const webhook = isForm(mediaType)
      ? parseMailgunForm(await readForm(body, mediaType))
      : parseMailgunJson(body.toString('utf8'));
    const { signature, eventData } = webhook;
    const refusal = refuseMailgun(signature, config.mailgun.webhookSigningKey, new Date());
    if (refusal || !signature) throw refused(refusal ?? 'bad_signature');
    const event = normaliseMailgun(eventData, signature.timestamp);
    const stored = await storeMailgunEvent(db, await catalogue(), { token: signature.token, body, event });
    if (!stored) throw refused('token_reused');
    finish(dependencies, 'mailgun', stored);
    ctx.status = 200;
  };
}

/** Answers once all of a batch is committed; a batch stored in part is answered with 503 and repeated by Mandrill. */
export function receiveMandrill(dependencies: WebhookDependencies): Middleware {
  const { config, db, catalogue } = dependencies;
  return async (ctx) => {
    const signature = ctx.get('x-mandrill-signature');
    // The limit is high, so a body is only kept in memory for somebody who claims to be Mandrill.
    const body = await readBody(ctx.req, signature ? MAX_MANDRILL_BYTES : 0).catch((error) => {
      throw signature ? error : refused('bad_signature');
    });
    const fields = await readForm(body, ctx.get('content-type'));
    const events = requireMandrillEvents(fields);
    if (!isFromMandrill(signature, fields, config.mandrill)) throw refused('bad_signature');
    try {
      finish(dependencies, 'mandrill', await storeMandrillBatch(db, await catalogue(), parseMandrill(events)));
    } catch (error) {
      if (!(error instanceof PartlyStoredError)) throw error;
      finish(dependencies, 'mandrill', error.stored);
      throw error.cause;
    }
    ctx.status = 200;
  };
}

const REFUSALS: Readonly<Record<string, string>> = {
  bad_signature: 'The signature is missing or wrong.',
  too_old: 'The webhook was signed more than 12 hours ago.',
  ahead_of_time: 'The webhook was signed in the future.',
  token_reused: 'The token was used with another body before.',
};

const refused = (code: string) => new Problem(401, code, REFUSALS[code] ?? 'The webhook is refused.');

function finish({ tell, logger }: WebhookDependencies, provider: string, stored: Stored): void {
  tell(stored.signals);
  if (stored.unmatched > 0) logger.info({ provider, count: stored.unmatched }, 'events without an e-mail were kept');
}

import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { StatusCatalogue } from '../domain/emails/statuses.js';
import { Problem } from '../http/problem.js';
import type { Db } from '../postgres/database.js';
import { type Bodies, WholeBody } from './body.js';
import { textOfField, UrlencodedForm } from './form.js';
import type { WebhookLimits } from './limits.js';
import { normaliseMailgun, parseMailgunForm, parseMailgunJson } from './mailgun.js';
import { findMailgunSignature, type MailgunSignature, refuseMailgun, signatureOf } from './mailgun-signature.js';
import { parseMandrill } from './mandrill.js';
import { isFromMandrill, isMandrillSignature, MANDRILL_FIELD } from './mandrill-signature.js';
import { MultipartForm } from './multipart.js';
import { type JsonObject, NotUnderstoodError } from './normalise.js';
import type { Signaller } from './signaller.js';
import { PartlyStoredError, type Stored, storeMailgunEvent, storeMandrillBatch } from './store.js';

export interface WebhookDependencies {
  readonly config: Pick<Config, 'providers' | 'mailgun' | 'mandrill'>;
  readonly db: Db;
  /** The statuses, read once when the database can be reached. */
  readonly catalogue: () => Promise<StatusCatalogue>;
  readonly notify: Signaller['notify'];
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly limits: WebhookLimits;
}

/** A webhook of Mailgun's of which nothing was made yet but its signature. */
interface UnverifiedWebhook {
  readonly signature: MailgunSignature | undefined;
  /** What its token stands for. */
  readonly content: () => Buffer;
  /** @throws NotUnderstoodError */
  readonly open: () => JsonObject;
}

/** Answers once the event is committed; workflows are told afterwards. */
export function receiveMailgun(dependencies: WebhookDependencies, bodies: Bodies): Middleware {
  const { config, db, catalogue, limits } = dependencies;
  return async (ctx) => {
    await readMailgun(ctx, bodies, limits, async ({ signature, content, open }) => {
      const refusal = refuseMailgun(signature, config.mailgun.webhookSigningKey, new Date());
      if (refusal || !signature) throw refused(refusal ?? 'bad_signature');
      const event = normaliseMailgun(open(), signature.timestamp);
      const stored = await storeMailgunEvent(db, await catalogue(), { token: signature.token, body: content(), event });
      if (!stored) throw refused('token_reused');
      finish(dependencies, 'mailgun', stored);
    });
    ctx.status = 200;
  };
}

/** Reads a webhook in any of its three shapes. */
async function readMailgun(
  { req: request }: Context,
  bodies: Bodies,
  limits: WebhookLimits,
  handle: (webhook: UnverifiedWebhook) => Promise<void>,
): Promise<void> {
  const mediaType = request.headers['content-type'] ?? '';
  if (isMultipart(mediaType)) {
    const form = new MultipartForm(mediaType, limits.mailgunFields, limits.mailgunBytes);
    return bodies.read(request, limits.mailgunMultipartBytes, form, async () => handle(ofForm(await form.fields())));
  }
  if (isUrlencoded(mediaType)) {
    const form = new UrlencodedForm(limits.mailgunFields);
    return bodies.read(request, limits.mailgunBytes, form, async () =>
      handle(ofForm(form.fields().map((field) => [field.name, textOfField(field)]))),
    );
  }
  const body = new WholeBody();
  return bodies.read(request, limits.mailgunBytes, body, async () => {
    const content = body.bytes();
    const open = () => parseMailgunJson(content.toString('utf8')).eventData;
    await handle({ signature: findMailgunSignature(content), content: () => content, open });
  });
}

/** The fields alone stand for a form: a repetition may have another boundary between them. */
function ofForm(fields: readonly (readonly [name: string, value: string])[]): UnverifiedWebhook {
  const { event, ...rest } = Object.fromEntries(fields);
  if (!event) throw new NotUnderstoodError('the field "event" is missing');
  return {
    signature: signatureOf(rest),
    content: () => Buffer.from(JSON.stringify(fields)),
    open: () => parseMailgunForm(fields).eventData,
  };
}

/** Answers once all of a batch is committed; a batch stored in part is answered with 503 and repeated by Mandrill. */
export function receiveMandrill(dependencies: WebhookDependencies, bodies: Bodies): Middleware {
  const { config, db, catalogue, limits } = dependencies;
  return async (ctx) => {
    if (!isUrlencoded(ctx.get('content-type'))) throw new NotUnderstoodError('the body is not a form');
    const signature = ctx.get('x-mandrill-signature');
    // The limit is high, so a body is only read for somebody who claims to be Mandrill.
    if (!isMandrillSignature(signature)) throw refused('bad_signature');
    const form = new UrlencodedForm(limits.mandrillFields);
    await bodies.read(ctx.req, limits.mandrillBytes, form, async () => {
      const fields = form.fields();
      if (!(await isFromMandrill(signature, fields, config.mandrill))) throw refused('bad_signature');
      const batch = fields.find(({ name }) => name === MANDRILL_FIELD);
      if (!batch) throw new NotUnderstoodError(`the field "${MANDRILL_FIELD}" is missing`);
      try {
        const events = parseMandrill(textOfField(batch));
        finish(dependencies, 'mandrill', await storeMandrillBatch(db, await catalogue(), events));
      } catch (error) {
        if (!(error instanceof PartlyStoredError)) throw error;
        finish(dependencies, 'mandrill', error.stored);
        throw error.cause;
      }
    });
    ctx.status = 200;
  };
}

const isUrlencoded = (mediaType: string) => /^application\/x-www-form-urlencoded\b/i.test(mediaType);
const isMultipart = (mediaType: string) => /^multipart\/form-data\b/i.test(mediaType);

const REFUSALS: Readonly<Record<string, string>> = {
  bad_signature: 'The signature is missing or wrong.',
  too_old: 'The webhook was signed more than 12 hours ago.',
  ahead_of_time: 'The webhook was signed in the future.',
  token_reused: 'The token was used with another body before.',
};

const refused = (code: string) => new Problem(401, code, REFUSALS[code] ?? 'The webhook is refused.');

function finish({ notify, logger }: WebhookDependencies, provider: string, stored: Stored): void {
  notify(stored.signals);
  if (stored.unmatched > 0) logger.info({ provider, count: stored.unmatched }, 'events without an e-mail were kept');
}

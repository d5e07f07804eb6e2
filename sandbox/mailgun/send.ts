import { randomBytes } from 'node:crypto';
import multer from '@koa/multer';
import type { Context, Middleware } from 'koa';
import type { Box } from '../box.js';
import { faultsOf, MESSAGE_LIMIT_BYTES, readBody, take } from '../calls.js';
import { addressOf, mailSizeBytes } from '../inbox/mail.js';
import { magicOf } from '../magic.js';
import type { AttachmentPart, Submission } from '../message.js';
import { mailgunVoice, say } from './voice.js';

/** `o:`, `h:`, `v:` and `t:` parameters together. */
const OPTIONS_LIMIT_BYTES = 16 * 1024;

/** Every value of every field; fields may be repeated. */
type Fields = ReadonlyMap<string, readonly string[]>;

/** A call that Mailgun answers with 400 or 413. */
class Refused extends Error {
  constructor(
    readonly status: 400 | 413,
    message: string,
  ) {
    super(message);
  }
}

// Mailgun's limit is for the whole message; these only keep a runaway body out of memory.
const upload = multer({
  storage: multer.memoryStorage(),
  limits: { fileSize: MESSAGE_LIMIT_BYTES, fieldSize: MESSAGE_LIMIT_BYTES, files: 1000, parts: 10_000 },
}).any();

/** Reads the parts of a multipart or form-encoded body; 413 when one alone is over the limit. */
export const readParts: Middleware = async (ctx, next) => {
  try {
    if (ctx.is('multipart/form-data')) {
      await upload(ctx as never, async () => undefined);
      ctx.state.fields = (ctx.request as { body?: unknown }).body;
    } else if (ctx.is('application/x-www-form-urlencoded')) {
      const body: Record<string, string[]> = {};
      for (const [name, value] of new URLSearchParams(await readBody(ctx, MESSAGE_LIMIT_BYTES))) {
        body[name] = [...(body[name] ?? []), value];
      }
      ctx.state.fields = body;
    }
  } catch (error) {
    if (ctx.req.destroyed && !ctx.req.complete) return;
    const tooLarge = error instanceof RangeError || (error as { code?: string }).code?.startsWith('LIMIT_');
    return say(ctx, tooLarge ? 413 : 400, tooLarge ? 'Request entity too large' : 'Bad request');
  }
  await next();
};

/** `POST /v3/{domain}/messages`. */
export function sendMessage(box: Box): Middleware {
  return async (ctx) => {
    if (faultsOf(ctx).quotaExhausted) return say(ctx, 402, 'The sending limit of this account has been reached');
    try {
      const submission = submissionOf(fieldsOf(ctx), attachmentsOf(ctx), box.options.mailgun.domain);
      await take(ctx, box, mailgunVoice, submission, (message) => {
        ctx.body = { id: message.providerMessageId, message: 'Queued. Thank you.' };
      });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(ctx, error.status, error.message);
    }
  };
}

function fieldsOf(ctx: Context): Fields {
  const body = (ctx.state.fields ?? {}) as Record<string, string | string[]>;
  return new Map(Object.entries(body).map(([name, value]) => [name, [value].flat().map(String)]));
}

function attachmentsOf(ctx: Context): AttachmentPart[] {
  // A part without a filename is not a file to multer: like at Mailgun, it is dropped silently.
  return ((ctx.files ?? []) as multer.File[])
    .filter((file) => file.fieldname === 'attachment' || file.fieldname === 'inline')
    .map((file) => ({
      // Multer reads filenames as Latin-1, clients write UTF-8.
      filename: Buffer.from(file.originalname, 'latin1').toString('utf8'),
      contentType: file.mimetype,
      bytes: file.buffer,
    }));
}

function submissionOf(fields: Fields, attachments: AttachmentPart[], domain: string): Submission {
  const first = (name: string) => fields.get(name)?.[0] ?? null;
  const required = (name: string) => {
    const value = first(name);
    if (!value) throw new Refused(400, `${name} parameter is missing`);
    return value;
  };
  const headers = prefixed(fields, 'h:');
  const variables = prefixed(fields, 'v:');
  const givenId = Object.entries(headers).find(([name]) => name.toLowerCase() === 'message-id')?.[1];
  const messageId = givenId ?? `<${Date.now()}.${randomBytes(8).toString('hex')}@${domain}>`;
  const submission: Submission = {
    provider: 'mailgun',
    providerMessageId: messageId,
    messageIdHeader: messageId,
    sender: required('from'),
    receiver: receiverOf(required('to')),
    subject: required('subject'),
    text: first('text'),
    html: first('html'),
    headers: {
      ...Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'message-id')),
      // What Mailgun shows the receiver of the `v:` values.
      ...(Object.keys(variables).length > 0 && { 'X-Mailgun-Variables': JSON.stringify(variables) }),
    },
    attachments,
    tags: fields.get('o:tag') ?? [],
    variables,
    trackOpens: ['yes', 'true', 'htmlonly'].includes(first('o:tracking-opens') ?? ''),
  };
  check(fields, submission);
  return submission;
}

function check(fields: Fields, submission: Submission): void {
  if (submission.text === null && submission.html === null) {
    throw new Refused(400, "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified");
  }
  if (addressOf(submission.sender) === null) {
    throw new Refused(400, "'from' parameter is not a valid address. please check documentation");
  }
  if (!/^<[^\s<>@]+@[^\s<>@]+>$/.test(submission.messageIdHeader)) {
    throw new Refused(400, "'h:Message-Id' parameter is not valid. please check documentation");
  }
  let optionBytes = 0;
  for (const [name, values] of fields) {
    if (!/^[ohvt]:/.test(name)) continue;
    for (const value of values) optionBytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  }
  if (optionBytes > OPTIONS_LIMIT_BYTES) {
    throw new Refused(400, 'o:, h:, v: and t: parameters together must not exceed 16KB');
  }
  if (mailSizeBytes(submission) > MESSAGE_LIMIT_BYTES) throw new Refused(413, 'Request entity too large');
}

function receiverOf(to: string): string {
  if (/,/.test(to)) throw new Refused(400, 'the sandbox takes one receiver a call');
  const receiver = addressOf(to);
  if (receiver === null || magicOf(receiver)?.answer === 'refuse') {
    throw new Refused(400, "'to' parameter is not a valid address. please check documentation");
  }
  return receiver;
}

function prefixed(fields: Fields, prefix: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, values] of fields) {
    if (name.startsWith(prefix)) found[name.slice(prefix.length)] = values.at(-1) ?? '';
  }
  return found;
}

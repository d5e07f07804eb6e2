import { randomBytes } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import type { Box } from '../box.js';
import { faultsOf, MESSAGE_LIMIT_BYTES, readBody, take } from '../calls.js';
import { addressOf, mailSizeBytes } from '../inbox/mail.js';
import { magicOf } from '../magic.js';
import type { Submission } from '../message.js';
import { fail, mandrillVoice } from './voice.js';

/** JSON around a message of 25 MB, attachments already being base64. */
const BODY_LIMIT_BYTES = 2 * MESSAGE_LIMIT_BYTES;
const METADATA_LIMIT_BYTES = 250;
/** A used-up hourly quota keeps a message back for so long, in Mandrill's own time. */
const QUOTA_HOLD_MS = 60 * 60 * 1000;

const text = z.string().nullish();
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const messageSchema = z.object({
  from_email: z.string().min(1, 'Please enter a value'),
  from_name: text,
  to: z.array(z.object({ email: z.string(), name: text, type: z.enum(['to', 'cc', 'bcc']).nullish() })).length(1),
  subject: text,
  text,
  html: text,
  headers: z.record(z.string(), z.string()).nullish(),
  important: z.boolean().nullish(),
  track_opens: z.boolean().nullish(),
  tags: z.array(z.string()).nullish(),
  metadata: z.record(z.string(), scalar).nullish(),
  attachments: z.array(z.object({ type: z.string(), name: z.string(), content: z.base64() })).nullish(),
});

const callSchema = z.object({ key: z.string(), message: messageSchema, async: z.boolean().nullish() });
type Call = z.output<typeof callSchema>;

/** Reads the JSON body and checks its key: every Mandrill call carries it there. */
export function withKey(box: Box): Middleware {
  return async (ctx, next) => {
    let body: unknown;
    try {
      body = JSON.parse(await readBody(ctx, BODY_LIMIT_BYTES));
    } catch (error) {
      if (ctx.req.destroyed && !ctx.req.complete) return;
      if (error instanceof RangeError) return tooLarge(ctx);
      return fail(ctx, 'ValidationError', 'You must specify a key value');
    }
    const key = (body as { key?: unknown } | null)?.key;
    if (typeof key !== 'string' || key === '') return fail(ctx, 'ValidationError', 'You must specify a key value');
    if (key !== box.options.mandrill.apiKey) return fail(ctx, 'Invalid_Key', 'Invalid API key');
    ctx.state.body = body;
    await next();
  };
}

/** `POST /api/1.0/messages/send.json`. */
export function sendMessage(box: Box): Middleware {
  return async (ctx) => {
    const parsed = callSchema.safeParse(ctx.state.body);
    if (!parsed.success) return fail(ctx, 'ValidationError', validationMessage(parsed.error));
    const call = parsed.data;
    if (Buffer.byteLength(JSON.stringify(call.message.metadata ?? {})) > METADATA_LIMIT_BYTES) {
      return fail(ctx, 'ValidationError', 'Validation error: {"message":{"metadata":"Metadata is too long"}}');
    }
    const submission = submissionOf(call.message);
    if (mailSizeBytes(submission) > MESSAGE_LIMIT_BYTES) return tooLarge(ctx);

    const result = (fields: object) => [{ email: submission.receiver, reject_reason: null, ...fields }];
    const id = submission.providerMessageId;
    if (addressOf(submission.receiver) === null) {
      ctx.body = result({ status: 'invalid', _id: id });
      return;
    }
    const refusal = refusalOf(submission.receiver);
    if (refusal !== null) {
      const answer = result({ status: 'rejected', reject_reason: refusal, _id: id });
      return take(ctx, box, mandrillVoice, submission, () => (ctx.body = answer), { refusal });
    }
    if (faultsOf(ctx).quotaExhausted) {
      const answer = result({ status: 'queued', queued_reason: 'hourly-quota-exhausted', _id: id });
      const heldMs = QUOTA_HOLD_MS * box.options.timeScale;
      return take(ctx, box, mandrillVoice, submission, () => (ctx.body = answer), { heldMs });
    }
    const answer = result({ status: call.async ? 'queued' : 'sent', _id: id });
    await take(ctx, box, mandrillVoice, submission, () => (ctx.body = answer));
  };
}

/** Mandrill's `reject_reason` for receivers it does not send to. */
function refusalOf(receiver: string): string | null {
  const course = magicOf(receiver)?.course ?? [];
  if (course.some((step) => step.type === 'suppressed')) return 'hard-bounce';
  return magicOf(receiver)?.answer === 'refuse' ? 'rule' : null;
}

function submissionOf(message: Call['message']): Submission {
  const headers = message.headers ?? {};
  const id = randomBytes(16).toString('hex');
  const givenId = Object.entries(headers).find(([name]) => name.toLowerCase() === 'message-id')?.[1];
  return {
    provider: 'mandrill',
    providerMessageId: id,
    messageIdHeader: givenId ?? `<${id}@mandrillapp.com>`,
    sender: message.from_name
      ? `"${message.from_name.replaceAll('"', '')}" <${message.from_email}>`
      : message.from_email,
    receiver: message.to[0]?.email ?? '',
    subject: message.subject ?? '',
    text: message.text ?? null,
    html: message.html ?? null,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'message-id')),
    attachments: (message.attachments ?? []).map(({ name, type, content }) => ({
      filename: name,
      contentType: type,
      bytes: Buffer.from(content, 'base64'),
    })),
    tags: message.tags ?? [],
    variables: Object.fromEntries(Object.entries(message.metadata ?? {}).map(([name, value]) => [name, String(value)])),
    trackOpens: message.track_opens ?? false,
  };
}

/** Mandrill wraps what is wrong in a nest of field names. */
function validationMessage(error: z.ZodError): string {
  const issue = error.issues[0];
  const nested = (issue?.path ?? []).reduceRight<unknown>((inner, name) => ({ [name]: inner }), issue?.message ?? '');
  return `Validation error: ${JSON.stringify(nested)}`;
}

function tooLarge(ctx: Context): void {
  fail(ctx, 'ValidationError', 'Validation error: {"message":"The message is larger than 25 MB"}');
}

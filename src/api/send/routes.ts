import { acceptEmail, type Submission } from '../../domain/emails/accept.js';
import { ChunkStaging } from '../../domain/emails/chunks.js';
import type { PerPriority } from '../../priority.js';
import { currentTraceparent } from '../../process/tracing/tracing.js';
import { ACCEPTANCE_PROBLEMS, acceptance, acceptanceAnswer, idempotencyKey } from '../acceptance.js';
import { route } from '../routing/route.js';
import { isDocument, readSendDocument } from './document.js';
import { readSendForm } from './form.js';
import { validate } from './read-submission.js';
import { hashOf } from './request-hash.js';
import { type SendFields, sendDocument, sendFormSchema } from './schema.js';

const ORDER_AS_FORM = {
  sender: 'Shop <shop@example.com>',
  receiver: 'ada@example.org',
  subject: 'Your order',
  content: 'It is on its way.',
  priority: 'critical',
  tags: 'order,shipping',
  metadata: '{"order":4711}',
};

const ORDER_AS_DOCUMENT = {
  sender: 'Shop <shop@example.com>',
  receiver: 'ada@example.org',
  subject: 'Your order',
  text: 'It is on its way.',
  html: '<p>It is on its way.</p>',
  priority: 'critical',
  tags: ['order', 'shipping'],
  metadata: { order: 4711 },
  headers: { 'X-Order': '4711' },
  track_opens: false,
};

/** Take a slot, read and stage, validate, accept. */
const send = route({
  method: 'post',
  path: '/api/send',
  operationId: 'sendEmail',
  summary: 'Submit an e-mail',
  description: [
    'A form or a JSON document. The fields come in any order, each once. A body that is not given, text or HTML, is made',
    'of the other. Both bodies and the attachment together have to fit 25 MB in base64, the smallest limit of the',
    'providers; a body that is made counts as much as the one that is given.\n\n',
    'Use an `Idempotency-Key`: after a `503` or a broken connection you cannot know whether the e-mail was accepted, and',
    'repeating the request with its key is always right.',
  ].join(' '),
  tag: 'Submission',
  access: { scope: 'send', role: 'admin' },
  confirmsKey: true,
  headers: { 'Idempotency-Key': idempotencyKey },
  body: {
    kind: 'streamed',
    content: {
      'multipart/form-data': { schema: sendFormSchema, examples: { 'An order': ORDER_AS_FORM } },
      'application/json': { schema: sendDocument, examples: { 'An order': ORDER_AS_DOCUMENT } },
    },
  },
  answer: acceptanceAnswer('The e-mail is accepted.'),
  problems: [...ACCEPTANCE_PROBLEMS, 'too_many_uploads'],
  audit: { none: 'a submission is no change: the e-mail itself says whose it is' },
  handle: async ({ headers }, ctx, { db, uploads, deadlineMs, limits, slots }) => {
    const { client } = ctx.state;
    const key = headers['Idempotency-Key'];
    const visit = slots.enter(client.id);
    const staging = new ChunkStaging(uploads);
    // Once acceptance has begun its outcome can be unknown: then the chunks may belong to a committed e-mail and stay.
    let keepChunks = false;
    try {
      const read = isDocument(ctx.get('Content-Type')) ? readSendDocument : readSendForm;
      const submitted = await read(ctx, staging, visit, limits);
      const fields = validate(submitted, limits);
      ctx.state.priority = fields.priority;
      const submission: Submission = {
        ...asSubmission(fields, client.id, deadlineMs),
        attachment: submitted.attachment && { ...submitted.attachment, emailId: staging.emailId! },
        idempotency: key ? { clientId: client.id, key, requestHash: await hashOf(submitted) } : null,
        keyId: client.keyId,
        traceparent: currentTraceparent(),
      };
      keepChunks = true;
      const result = await acceptEmail(db, submission);
      keepChunks = result.kind === 'accepted';
      return acceptance(ctx, result);
    } finally {
      visit.leave();
      // Best effort: what stays behind is swept an hour later.
      if (!keepChunks) await staging.discard().catch(() => undefined);
    }
  },
});

export const sendRoutes = [send];

function asSubmission(fields: SendFields, clientId: string, deadlineMs: PerPriority<number>) {
  return {
    clientId,
    priority: fields.priority,
    sender: fields.sender.submitted,
    receiver: fields.receiver.submitted,
    receiverAddress: fields.receiver.address,
    subject: fields.subject,
    content: fields.content,
    contentType: fields.contentType,
    alternative: fields.alternative,
    replyTo: fields.replyTo?.submitted ?? null,
    metadata: fields.metadata,
    tags: fields.tags,
    headers: fields.headers,
    trackOpens: fields.trackOpens,
    sendAt: fields.sendAt,
    deadlineMs: deadlineMs[fields.priority],
  };
}

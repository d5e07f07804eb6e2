import { createHash } from 'node:crypto';
import { acceptEmail, type Submission } from '../../domain/emails/accept.js';
import { ChunkStaging } from '../../domain/emails/chunks.js';
import { Problem } from '../../http/problem.js';
import type { PerPriority } from '../../priority.js';
import { ACCEPTANCE_PROBLEMS, acceptance, acceptanceAnswer, idempotencyKey } from '../acceptance.js';
import type { ApiLimits } from '../limits.js';
import { route } from '../routing/route.js';
import { invalidFields } from './faults.js';
import { readSendForm, type SendForm } from './form.js';
import { attachmentFaults, parseSendFields, type SendFields, sendFormSchema } from './schema.js';

/** Take a slot, read and stage, validate, accept. */
const send = route({
  method: 'post',
  path: '/api/send',
  operationId: 'sendEmail',
  summary: 'Submit an e-mail',
  description: [
    'The fields come in any order, each once. Content (counted twice: every message has a text and an HTML body) and',
    'attachment together have to fit 25 MB in base64, the smallest limit of the providers.\n\n',
    'Use an `Idempotency-Key`: after a `503` or a broken connection you cannot know whether the e-mail was accepted, and',
    'repeating the request with its key is always right.',
  ].join(' '),
  tag: 'Submission',
  access: { scope: 'send', role: 'admin' },
  headers: { 'Idempotency-Key': idempotencyKey },
  body: {
    kind: 'streamed',
    content: { 'multipart/form-data': sendFormSchema },
    examples: {
      'An order': {
        sender: 'Shop <shop@example.com>',
        receiver: 'ada@example.org',
        subject: 'Your order',
        content: 'It is on its way.',
        priority: 'critical',
        tags: 'order,shipping',
        metadata: '{"order":4711}',
      },
    },
  },
  answer: acceptanceAnswer('The e-mail is accepted.'),
  problems: [...ACCEPTANCE_PROBLEMS, 'too_many_uploads'],
  handle: async ({ headers }, ctx, { db, uploads, deadlineMs, limits, slots }) => {
    const { client } = ctx.state;
    const key = headers['Idempotency-Key'];
    const visit = slots.enter(client.id);
    const staging = new ChunkStaging(uploads);
    // Once acceptance has begun its outcome can be unknown: then the chunks may belong to a committed e-mail and stay.
    let keepChunks = false;
    try {
      const form = await readSendForm(ctx, staging, visit, limits);
      const fields = validate(form, limits);
      const submission: Submission = {
        ...asSubmission(fields, client.id, deadlineMs),
        attachment: form.attachment && { ...form.attachment, emailId: staging.emailId! },
        idempotency: key ? { clientId: client.id, key, requestHash: hashOf(form) } : null,
        keyId: client.keyId,
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

/** @throws Problem listing every fault of the form. */
function validate(form: SendForm, limits: ApiLimits): SendFields {
  const { attachment } = form;
  const { data, faults } = parseSendFields(form.fields);
  const all = [
    ...form.malformed,
    ...form.faults,
    ...faults,
    ...(attachment ? attachmentFaults(attachment.filename, attachment.sizeBytes) : []),
  ];
  if (form.malformed.length > 0) {
    throw new Problem(400, 'malformed_request', 'Some fields cannot be read; each fault is listed.', { errors: all });
  }
  if (all.length > 0 || !data) throw invalidFields(all);
  // Both bodies of a message (text and HTML) hold the content; base64 makes 57 bytes a line of 78.
  const bodies = Buffer.byteLength(data.content) * 2;
  if ((((attachment?.sizeBytes ?? 0) + bodies) * 78) / 57 > limits.messageBytes) {
    throw new Problem(413, 'too_large', `Content and attachment together exceed ${limits.messageBytes} bytes encoded.`);
  }
  return data;
}

function asSubmission(fields: SendFields, clientId: string, deadlineMs: PerPriority<number>) {
  return {
    clientId,
    priority: fields.priority,
    sender: fields.sender.submitted,
    receiver: fields.receiver.submitted,
    receiverAddress: fields.receiver.address,
    subject: fields.subject,
    content: fields.content,
    contentType: fields.content_type,
    replyTo: fields.reply_to?.submitted ?? null,
    metadata: fields.metadata ?? {},
    tags: fields.tags ?? [],
    sendAt: fields.send_at?.at ?? null,
    deadlineMs: deadlineMs[fields.priority],
  };
}

/** Everything that was submitted, whatever the order of the parts. */
function hashOf({ fields, attachment }: SendForm): Buffer {
  const sorted = [...fields].sort(([a], [b]) => (a < b ? -1 : 1));
  const file = attachment && [attachment.filename, attachment.contentType, attachment.sha256];
  return createHash('sha256')
    .update(JSON.stringify([sorted, file]))
    .digest();
}

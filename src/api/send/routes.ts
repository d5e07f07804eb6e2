import { createHash } from 'node:crypto';
import type Router from '@koa/router';
import { acceptEmail, type Submission } from '../../domain/emails/accept.js';
import { ChunkStaging } from '../../domain/emails/chunks.js';
import { Problem } from '../../http/problem.js';
import type { Db } from '../../postgres/database.js';
import type { PerPriority } from '../../priority.js';
import { answerAcceptance, readIdempotencyKey } from '../acceptance.js';
import type { ApiState, Authenticate } from '../authenticate.js';
import type { ApiLimits } from '../limits.js';
import { invalidFields } from './faults.js';
import { readSendForm, type SendForm } from './form.js';
import { attachmentFaults, parseSendFields, type SendFields } from './schema.js';
import { UploadSlots } from './upload-slots.js';

export interface SendRouteOptions {
  readonly db: Db;
  /** A pool of its own: uploads never take a connection that a query waits for. */
  readonly uploads: Db;
  readonly authenticate: Authenticate;
  readonly deadlineMs: PerPriority<number>;
  readonly limits: ApiLimits;
}

/** `POST /api/send`: authenticate, take a place in the room, read and stage, validate, accept. */
export function addSendRoutes(router: Router<ApiState>, options: SendRouteOptions): void {
  const { db, uploads, authenticate, deadlineMs, limits } = options;
  const room = new UploadSlots(limits);

  router.post('/api/send', authenticate, async (ctx) => {
    const { client } = ctx.state;
    const idempotencyKey = readIdempotencyKey(ctx.get('Idempotency-Key'));
    const visit = room.enter(client.id);
    const staging = new ChunkStaging(uploads);
    // Once acceptance has begun its outcome can be unknown: then the chunks may belong to a committed e-mail and stay.
    let keepChunks = false;
    try {
      const form = await readSendForm(ctx, staging, visit, limits);
      const fields = validate(form, limits);
      const submission: Submission = {
        ...asSubmission(fields, client.id, deadlineMs),
        attachment: form.attachment && { ...form.attachment, emailId: staging.emailId! },
        idempotency: idempotencyKey ? { clientId: client.id, key: idempotencyKey, requestHash: hashOf(form) } : null,
        keyId: client.keyId,
      };
      keepChunks = true;
      const result = await acceptEmail(db, submission);
      keepChunks = result.kind === 'accepted';
      answerAcceptance(ctx, result);
    } finally {
      visit.leave();
      // Best effort: what stays behind is swept an hour later.
      if (!keepChunks) await staging.discard().catch(() => undefined);
    }
  });
}

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

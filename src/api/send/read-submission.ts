import type { Digest } from '../../domain/emails/chunks.js';
import { type FieldFault, Problem } from '../../http/problem.js';
import type { ApiLimits } from '../limits.js';
import { invalidFields } from './faults.js';
import { attachmentFaults, type SendFields } from './schema.js';
import { tooLarge } from './upload-guard.js';

/** A submission in either form, read to its end; the attachment is staged. */
export interface ReadSubmission {
  /** Undefined when there are faults of fields. */
  readonly data: SendFields | undefined;
  readonly attachment: SubmittedAttachment | null;
  /** What makes the body malformed. */
  readonly malformed: readonly FieldFault[];
  /** What it says that it must not. */
  readonly faults: readonly FieldFault[];
  /** All of it but the attachment, in an order of its own: the same submission is the same JSON. */
  readonly submitted: unknown;
}

export interface SubmittedAttachment extends Digest {
  readonly filename: string;
  readonly contentType: string;
}

/** @throws Problem listing every fault; 413 for what no provider would take. */
export function validate(read: ReadSubmission, limits: ApiLimits): SendFields {
  const { data, attachment, malformed } = read;
  const all = [
    ...malformed,
    ...read.faults,
    ...(attachment ? attachmentFaults(attachment.filename, attachment.sizeBytes) : []),
  ];
  if (malformed.length > 0) {
    throw new Problem(400, 'malformed_request', 'Some fields cannot be read; each fault is listed.', { errors: all });
  }
  if (all.length > 0 || !data) throw invalidFields(all);
  const bodies = [data.content, ...(data.alternative === null ? [] : [data.alternative])];
  if (bodies.some((body) => Buffer.byteLength(body) > limits.contentBytes)) throw tooLarge(limits);
  // The body that was not given is made of the other; base64 makes 57 bytes a line of 78.
  const bodyBytes = Buffer.byteLength(data.content) + Buffer.byteLength(data.alternative ?? data.content);
  if ((((attachment?.sizeBytes ?? 0) + bodyBytes) * 78) / 57 > limits.messageBytes) {
    throw new Problem(413, 'too_large', `Content and attachment together exceed ${limits.messageBytes} bytes encoded.`);
  }
  return data;
}

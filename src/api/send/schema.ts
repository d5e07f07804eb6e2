import { z } from 'zod';
import type { FieldFault } from '../../http/problem.js';
import { PRIORITIES, type Priority } from '../../priority.js';
import { bytes } from '../routing/answers.js';
import type { SubmittedAddress } from './addresses.js';
import { codeIn, documentFault, type FaultCode, fault, isOneLine } from './faults.js';
import * as field from './fields.js';
import { isUnsubscribeHeader } from './headers.js';

const FILENAME_CHARACTERS = 255;
const MEDIA_TYPE = /^\s*([a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127})\s*(;[\x20-\x7e]*)?$/i;

/** What was submitted, in whichever form, as it is taken. */
export interface SendFields {
  readonly sender: SubmittedAddress;
  readonly receiver: SubmittedAddress;
  readonly subject: string;
  /** HTML where there is some: then `alternative` is the text, if that was given as well. */
  readonly content: string;
  readonly contentType: 'text/plain' | 'text/html';
  readonly alternative: string | null;
  readonly priority: Priority;
  readonly replyTo: SubmittedAddress | null;
  readonly metadata: Record<string, unknown>;
  readonly tags: readonly string[];
  readonly headers: Readonly<Record<string, string>> | null;
  /** Null: as the client has it. */
  readonly trackOpens: boolean | null;
  /** Null: now. */
  readonly sendAt: Date | null;
}

/** What was understood; or, without `data`, every fault. */
interface Parsed {
  readonly data?: SendFields;
  readonly faults: readonly FieldFault[];
}

const ONE_ADDRESS = [
  'Exactly one address, bare or with a display name: `ada@example.com`, `"Sales, north" <sales@example.com>`. ASCII',
  'only: an internationalised domain is given as punycode. At most 254 characters of address, 512 with the name.',
].join(' ');
const TEXT = 'The body as plain text, at most 5 MB; made of `html` when it is not given.';
const HTML = 'The body as HTML, at most 5 MB; made of `text` when it is not given.';
const METADATA = 'A JSON object, at most 4 KB; texts in it hold no control characters. It comes back with the e-mail.';
const HEADERS = 'An object of texts: at most 20 headers, 8 KB together. `X-…` and some others, see the documentation.';
const TRACK_OPENS = 'Whether opens are tracked, by us and by the provider; else as the client has it.';
const SEND_AT =
  'When to send: RFC 3339 with seconds and offset, at most 30 days ahead. Up to a minute back counts as now.';

const common = {
  sender: field.address.describe(`From whom. ${ONE_ADDRESS}`),
  receiver: field.address.describe('To whom: exactly one address, as `sender`.'),
  subject: field.subject.describe('One line.'),
  priority: field.priority,
};

/** The text fields of a form. */
const sendForm = z.strictObject({
  ...common,
  content: field.body.optional().describe('UTF-8, at most 5 MB; required unless `text` or `html` is given.'),
  content_type: z.enum(['text/plain', 'text/html'], field.code('unknown_content_type')).default('text/plain'),
  text: field.body.optional().describe(TEXT),
  html: field.body.optional().describe(HTML),
  reply_to: field.address.optional().describe('An address, as `sender`.'),
  metadata: z.string().pipe(field.reading(field.readMetadata, field.isCode)).optional().describe(METADATA),
  tags: field.oneLine
    .pipe(field.reading(field.readTags, field.isCode))
    .optional()
    .describe('Comma-separated, at most 10, each at most 128 characters of printable ASCII: `welcome,trial`.'),
  headers: z
    .string()
    .pipe(field.reading(field.readHeaders, field.isCode))
    .pipe(field.checkedHeaders)
    .optional()
    .describe(`JSON. ${HEADERS}`),
  track_opens: z
    .enum(['true', 'false'], field.code('invalid_boolean'))
    .transform((word) => word === 'true')
    .optional()
    .describe(TRACK_OPENS),
  send_at: field.sendAt.optional().describe(SEND_AT),
});

/** The form as the description shows it: its text fields and the attachment, which is not read into memory. */
export const sendFormSchema = sendForm.extend({
  attachment: bytes
    .meta({
      override: { type: 'string', format: 'binary' },
      description: [
        'At most one file with a filename (at most 255 characters; folders in it are cut off), 1 byte to 18 MB. Declared',
        'as `message/*` or `multipart/*` it goes out as `application/octet-stream`.',
      ].join(' '),
    })
    .optional(),
});

/** The same for a form that gives no body by its own name. */
const sendFormOfContent = sendForm.extend({ content: field.body });

/** The attachment of a document; what is in it was taken out when the document was read. */
const attachment = z.strictObject(
  {
    filename: z
      .string(field.code('missing_filename'))
      .min(1, { error: 'missing_filename', abort: true })
      .refine((name) => name.isWellFormed(), { error: 'invalid_utf8' }),
    content_type: field.required
      .pipe(field.reading((text: string) => mediaTypeOf(text) ?? 'invalid_attachment_type', field.isCode))
      .nullish(),
    content_base64: z.string({ error: ({ input }) => (input == null ? 'required' : 'invalid_value') }),
  },
  field.code('invalid_value'),
);

/** A JSON document. Null is the same as nothing. */
export const sendDocument = z.strictObject({
  ...common,
  priority: z.enum(PRIORITIES, field.code('unknown_priority')).nullish(),
  text: field.body.nullish().describe(TEXT),
  html: field.body.nullish().describe(HTML),
  reply_to: field.address.nullish(),
  metadata: z
    .unknown()
    .pipe(field.reading(field.takeMetadata, field.isCode))
    .nullish()
    .meta({ override: { type: ['object', 'null'] }, description: METADATA }),
  tags: z
    .array(z.string(field.code('invalid_tags')), field.code('invalid_tags'))
    .pipe(field.reading(field.takeTags, field.isCode))
    .nullish(),
  headers: z
    .unknown()
    .pipe(field.reading(field.takeHeaders, field.isCode))
    .pipe(field.checkedHeaders)
    .nullish()
    .meta({
      override: { type: ['object', 'null'], additionalProperties: { type: 'string' } },
      description: HEADERS,
    }),
  track_opens: z.boolean(field.code('invalid_boolean')).nullish().describe(TRACK_OPENS),
  send_at: field.sendAt.nullish().describe(SEND_AT),
  attachment: attachment.nullish(),
});

/** A media type without its parameters, as a form's parser gives it as well. */
function mediaTypeOf(text: string): { readonly type: string } | undefined {
  const [, type] = MEDIA_TYPE.exec(text) ?? [];
  return type === undefined ? undefined : { type: type.toLowerCase() };
}

/** Validates the text fields of a form. */
export function parseSendForm(fields: ReadonlyMap<string, string>): Parsed {
  const values = Object.fromEntries(fields);
  const parsed = (fields.has('text') || fields.has('html') ? sendForm : sendFormOfContent).safeParse(values);
  const faults = [...faultsOf(parsed.error, fault), ...contentFaults(values), ...unsubscribeFaults(parsed.data)];
  return faults.length > 0 || !parsed.data ? { faults } : { data: normalised(parsed.data), faults };
}

/** Validates a document, with its attachment's name and type. */
export function parseSendDocument(
  document: Readonly<Record<string, unknown>>,
): Parsed & { readonly attachment?: AttachmentName } {
  const parsed = sendDocument.safeParse(document);
  const named = nameIn(document.attachment);
  const faults = [...faultsOf(parsed.error, documentFault), ...unsubscribeFaults(parsed.data)];
  if (document.text == null && document.html == null) {
    faults.push(fault('text', 'required', 'text or html is required, or both'));
  }
  if (faults.length > 0 || !parsed.data) return { faults, ...(named && { attachment: named }) };
  return { data: normalised(parsed.data), faults, ...(named && { attachment: named }) };
}

/** Read by itself, so that faults of what is in it are told together with those of other fields. */
function nameIn(file: unknown): AttachmentName | undefined {
  const { data } = attachment.safeParse(file);
  return data && { filename: data.filename, contentType: data.content_type?.type ?? 'application/octet-stream' };
}

/** What an attachment is called. */
interface AttachmentName {
  readonly filename: string;
  readonly contentType: string;
}

function faultsOf(error: z.ZodError | undefined, word: (field: string, code: FaultCode) => FieldFault): FieldFault[] {
  return (error?.issues ?? []).flatMap((issue) => {
    const path = issue.path.join('.');
    if (issue.code !== 'unrecognized_keys') return [word(path, codeIn(issue.message))];
    return issue.keys.map((key) => word(path === '' ? key : `${path}.${key}`, 'unknown_field'));
  });
}

/** A form gives each body once: as `content`, or by its own name. */
function contentFaults({
  content,
  content_type = 'text/plain',
  text,
  html,
}: Readonly<Record<string, string>>): FieldFault[] {
  if (content === undefined) return [];
  const again = content_type === 'text/html' ? html : content_type === 'text/plain' ? text : undefined;
  return again === undefined ? [] : [fault(content_type === 'text/html' ? 'html' : 'text', 'repeated_content')];
}

/** Bulk has an unsubscribe link of ours, which is what is acted upon. */
function unsubscribeFaults(
  data: { priority?: string | null; headers?: Record<string, string> | null } | undefined,
): FieldFault[] {
  if (data?.priority !== 'low') return [];
  const names = Object.keys(data.headers ?? {}).filter(isUnsubscribeHeader);
  return names.map((name) =>
    fault(`headers.${name}`, 'header_not_allowed', 'is set by us in every e-mail of priority low'),
  );
}

type Validated = Omit<z.infer<typeof sendDocument>, 'attachment'> &
  Partial<Pick<z.infer<typeof sendForm>, 'content' | 'content_type'>>;

function normalised({ content, content_type, text, html, ...fields }: Validated): SendFields {
  const page = html ?? (content_type === 'text/html' ? content : undefined);
  const words = text ?? (content_type === 'text/html' ? undefined : content);
  return {
    sender: fields.sender,
    receiver: fields.receiver,
    subject: fields.subject,
    content: page ?? words ?? '',
    contentType: page === undefined ? 'text/plain' : 'text/html',
    alternative: page === undefined ? null : (words ?? null),
    priority: fields.priority ?? 'medium',
    replyTo: fields.reply_to ?? null,
    metadata: fields.metadata ?? {},
    tags: fields.tags ?? [],
    headers: fields.headers && Object.keys(fields.headers).length > 0 ? fields.headers : null,
    trackOpens: fields.track_opens ?? null,
    sendAt: fields.send_at?.at ?? null,
  };
}

/** What can be wrong with an attachment that was read whole. */
export function attachmentFaults(filename: string, sizeBytes: number): FieldFault[] {
  const faults: FaultCode[] = [];
  if (!isOneLine(filename)) faults.push('control_character');
  if (filename.length > FILENAME_CHARACTERS) faults.push('too_long');
  if (sizeBytes === 0) faults.push('empty_attachment');
  return faults.map((fault_) => fault('attachment', fault_));
}
